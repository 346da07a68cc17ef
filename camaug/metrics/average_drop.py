"""Average drop and increase in confidence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torchmetrics import Metric

from camaug.inspection.neutral import neutral
from camaug.inspection.unwrap import unwrap
from camaug.metrics.checks import check_maps, check_targets, require_images

__all__ = ["AverageDrop", "confidence_drop"]


def confidence_drop(before: Tensor, after: Tensor) -> tuple[Tensor, Tensor]:
    """How much of the confidence is lost, and whether it grew.

    Chattopadhay et al. 2018, Grad-CAM++ (arXiv 1710.11063), section 4.1: ``max(0, Y - O) / Y`` and ``Y < O``.

    Args:
        before: Confidence Y in the image, (N,).
        after: Confidence O in the image seen through its map, (N,).

    Returns:
        The drop (N,), in [0, 1], and the increase (N,), 0 or 1.

    Example:
        >>> confidence_drop(torch.tensor([0.8, 0.5]), torch.tensor([0.2, 0.6]))
        (tensor([0.7500, 0.0000]), tensor([0., 1.]))
    """
    drop = (before - after).clamp(min=0) / torch.where(before > 0, before, 1)
    return drop, (after > before).to(before.dtype)


class AverageDrop(Metric):
    """How much confidence is lost, and how often it grows, where an image is seen through its map.

    Chattopadhay et al. 2018, Grad-CAM++ (arXiv 1710.11063), section 4.1. The image is multiplied by the map;
    ``compute`` gives ``average_drop``, better low, and ``increase``, the share of images whose confidence grows, better
    high; both in [0, 1].

    Args:
        forward: How logits come from images, where ``model(images)`` does not give them.
        **kwargs: Arguments of TorchMetrics' ``Metric``.

    Example:
        >>> import torchvision
        >>> metric, images = AverageDrop(), torch.rand(2, 3, 64, 64)
        >>> metric.update(torchvision.models.resnet18(), images, torch.rand(2, 64, 64))
        >>> sorted(metric.compute())
        ['average_drop', 'increase']
    """

    full_state_update = False
    drop: Tensor
    grown: Tensor
    count: Tensor

    def __init__(self, *, forward: Callable[[Tensor], Tensor] | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.forward_function = forward
        self.add_state("drop", torch.tensor(0.0), dist_reduce_fx="sum")
        self.add_state("grown", torch.tensor(0.0), dist_reduce_fx="sum")
        self.add_state("count", torch.tensor(0), dist_reduce_fx="sum")

    def update(self, model: nn.Module, images: Tensor, maps: Tensor, targets: Tensor | None = None) -> None:
        """Add images.

        Args:
            model: The classifier; it is left as it was.
            images: (N, C, H, W).
            maps: (N, H, W), in [0, 1].
            targets: (N,); the predicted classes where None.

        Raises:
            ValueError: If maps and images do not match.
        """
        check_maps(maps, images)
        if len(images) == 0:
            return
        forward = self.forward_function or model
        with neutral(unwrap(model)):
            before = forward(images).float().softmax(dim=1)
            after = forward(images * maps[:, None].to(images.dtype)).float().softmax(dim=1)
        targets = before.argmax(dim=1) if targets is None else targets
        check_targets(targets, before)
        drop, grown = confidence_drop(before.gather(1, targets[:, None])[:, 0], after.gather(1, targets[:, None])[:, 0])
        self.drop += drop.sum()
        self.grown += grown.sum()
        self.count += len(images)

    def compute(self) -> dict[str, Tensor]:
        """The figures over all images.

        Raises:
            ValueError: If there were none.
        """
        require_images(self, self.count)
        return {"average_drop": self.drop / self.count, "increase": self.grown / self.count}
