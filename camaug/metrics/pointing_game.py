"""Pointing game: maxima of heatmaps on objects."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric

from camaug.metrics.checks import check_masks, require_images
from camaug.utils.check_types import check_types

__all__ = ["PointingGame", "boxes_to_masks", "points_at"]


def points_at(maps: Tensor, masks: Tensor, tolerance: float = 0) -> Tensor:
    """Return True for each map whose maximum lies on its object, or within some pixels of it.

    Zhang et al. 2016, Top-down Neural Attention by Excitation Backprop (arXiv 1608.00507), section 4.1. A constant map
    has no maximum and points at nothing.

    Args:
        maps: (N, H, W).
        masks: Masks of the objects, boolean (N, H, W).
        tolerance: Distance in pixels within which a hit counts; 15 is usual.

    Returns:
        Boolean (N,).

    Example:
        >>> points_at(torch.tensor([[[0.1, 0.9]]]), torch.tensor([[[True, False]]]))
        tensor([False])
        >>> points_at(torch.tensor([[[0.1, 0.9]]]), torch.tensor([[[True, False]]]), tolerance=1)
        tensor([True])
    """
    height, width = maps.shape[1:]
    if len(maps) == 0:
        return torch.zeros(0, dtype=torch.bool, device=maps.device)
    flat = torch.where(maps.isfinite(), maps, 0).flatten(1)
    top = flat.argmax(dim=1)
    rows = torch.arange(height, device=maps.device).view(1, -1, 1) - (top // width).view(-1, 1, 1)
    columns = torch.arange(width, device=maps.device).view(1, 1, -1) - (top % width).view(-1, 1, 1)
    near = rows**2 + columns**2 <= tolerance**2
    return (near & masks).flatten(1).any(dim=1) & (flat.amax(dim=1) > flat.amin(dim=1))


def boxes_to_masks(boxes: Tensor, size: tuple[int, int]) -> Tensor:
    """Convert boxes to masks.

    Args:
        boxes: Left, top, right and bottom in pixels, right and bottom exclusive, (N, 4).
        size: Height and width of the images.

    Returns:
        Boolean masks (N, H, W).

    Raises:
        ValueError: If boxes are not (N, 4), or one reaches out of its image or holds no pixel, as boxes in relative
            coordinates do.

    Example:
        >>> boxes_to_masks(torch.tensor([[1, 0, 3, 1]]), (2, 3)).int()
        tensor([[[0, 1, 1],
                 [0, 0, 0]]], dtype=torch.int32)
    """
    height, width = size
    if not isinstance(boxes, Tensor) or boxes.dim() != 2 or boxes.shape[1] != 4:
        given = tuple(boxes.shape) if isinstance(boxes, Tensor) else type(boxes).__name__
        raise ValueError(f"`boxes` must be a tensor (N, 4) of left, top, right and bottom in pixels, got {given}")
    left, top, right, bottom = boxes[:, :, None, None].unbind(dim=1)
    rows, columns = torch.arange(height, device=boxes.device)[:, None], torch.arange(width, device=boxes.device)
    masks = (rows >= top) & (rows < bottom) & (columns >= left) & (columns < right)
    inside = (left >= 0) & (top >= 0) & (right <= width) & (bottom <= height)  # False for NaN
    wrong = ~inside[:, 0, 0] | ~masks.flatten(1).any(dim=1)
    if wrong.any():
        raise ValueError(
            f"boxes must be (left, top, right, bottom) in pixels inside images of {height} × {width} and hold a pixel, "
            f"got {boxes[wrong].tolist()}"
        )
    return masks


class PointingGame(Metric):
    """Mean over classes of the share of maps whose maximum lies on an object of their class.

    Zhang et al. 2016 (arXiv 1608.00507), section 4.1. ``compute`` returns ``accuracy``, that mean over the classes that
    had images; ``area``, the mean over classes of the share of the image that the objects cover, which random pointing
    reaches; and ``classes``, the number of classes that had images.

    Args:
        num_classes: Number of classes.
        tolerance: Distance in pixels within which a hit counts; 15 is usual.
        **kwargs: Arguments of TorchMetrics' ``Metric``.

    Raises:
        ValueError: If ``num_classes`` is below 1 or ``tolerance`` negative.

    Example:
        >>> metric = PointingGame(num_classes=2)
        >>> metric.update(torch.tensor([[[0.0, 1.0]]]), torch.tensor([[[False, True]]]), torch.tensor([1]))
        >>> metric.compute()
        {'accuracy': tensor(1.), 'area': tensor(0.5000), 'classes': tensor(1)}
    """

    full_state_update = False
    hits: Tensor
    areas: Tensor
    counts: Tensor

    def __init__(self, num_classes: int, tolerance: float = 0, **kwargs: Any) -> None:
        check_types(PointingGame.__init__, locals())
        super().__init__(**kwargs)
        if num_classes < 1 or tolerance < 0:
            raise ValueError(
                f"`num_classes` must be at least 1 and `tolerance` at least 0 pixels, got {num_classes} and {tolerance}"
            )
        self.num_classes = num_classes
        self.tolerance = tolerance
        for name in ("hits", "areas", "counts"):
            self.add_state(name, torch.zeros(num_classes, dtype=torch.float32), dist_reduce_fx="sum")

    def update(self, maps: Tensor, masks: Tensor, targets: Tensor) -> None:
        """Add maps (N, H, W), boolean masks of their classes' objects of the same shape, and the classes (N,).

        Raises:
            ValueError: If the shapes differ, a class does not exist, or a mask is empty. Images without an object of
                their class must be left out.
        """
        check_masks(masks, maps)
        if targets.shape != (len(maps),):
            raise ValueError(f"targets must be one class for each of the {len(maps)} maps, got {tuple(targets.shape)}")
        if ((targets < 0) | (targets >= self.num_classes)).any():
            raise ValueError(f"targets must be classes from 0 to {self.num_classes - 1}, got {targets.tolist()}")
        hits = points_at(maps, masks, self.tolerance).float()
        self.hits.index_add_(0, targets, hits)
        self.areas.index_add_(0, targets, masks.float().mean(dim=(1, 2)))
        self.counts.index_add_(0, targets, torch.ones_like(hits))

    def compute(self) -> dict[str, Tensor]:
        """Compute the means over all classes that had images.

        Raises:
            ValueError: If there were no images.
        """
        require_images(self, self.counts.sum())
        has_images = self.counts > 0
        classes, counts = has_images.sum(), self.counts.clamp(min=1)
        return {
            "accuracy": (self.hits / counts).sum() / classes,
            "area": (self.areas / counts).sum() / classes,
            "classes": classes,
        }
