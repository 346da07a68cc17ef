"""Prediction from an image and a second view of it, averaged."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor, nn

from camaug.augmentation.batch_leaves import change_parts
from camaug.augmentation.cheap_explainer import cheap_explainer
from camaug.explainers import Explainer
from camaug.functional.boxes import resized_crops
from camaug.functional.mean_logits import mean_logits
from camaug.functional.salient_boxes import salient_boxes
from camaug.inspection.model_output import find_logits, read_logits
from camaug.utils.check_fraction import check_fraction
from camaug.utils.check_types import check_types
from camaug.utils.preserved_random_state import preserved_random_state

__all__ = ["View", "Zoom"]

View = Literal["salient", "random", "centre", "flip"]


@dataclass(frozen=True)
class Zoom:
    """Test-time augmentation that predicts an image and an enlarged crop of it, and averages the probabilities.

    The crop shows the salient region of the predicted class (WS-DAN, Hu et al. 2019, arXiv 1901.09891, section 3.3). It
    costs a second forward pass and the explanation; Grad-CAM adds the head's backward pass to the first forward pass.
    The other views are its controls: a crop of the same size elsewhere, and the mirrored image.

    Args:
        view: ``salient``; ``random`` or ``centre`` for a crop as large as the salient one at a random position or in
            the middle; ``flip`` for the mirrored image, which needs no explanation. Random positions are the same in
            every batch.
        explainer: The explainer of the map.
        threshold: Share of the map's maximum from which a pixel is salient, in (0, 1].
        padding: Margin at each end of the crop's sides, as a share of the side.
        min_side: Least share of the image's height and width in the crop, in (0, 1].
        multi_label: True if each class has a probability of its own, the sigmoid of its logit.

    Raises:
        ValueError: If an argument is out of range, or the view is unknown.

    Example:
        >>> model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2))
        >>> Zoom()(model.eval(), torch.rand(5, 3, 16, 16)).shape
        torch.Size([5, 2])
    """

    view: View = "salient"
    explainer: Explainer = field(default_factory=cheap_explainer)
    threshold: float = 0.5
    padding: float = 0.1
    min_side: float = 0.5
    multi_label: bool = False

    def __post_init__(self) -> None:
        check_types(Zoom, vars(self))
        for name in ("threshold", "min_side"):
            if not 0 < getattr(self, name) <= 1:
                raise ValueError(f"`{name}` must be in (0, 1], got {getattr(self, name)}")
        check_fraction("padding", self.padding)

    def __call__(self, model: nn.Module, images: Tensor, *, forward: Callable[[Tensor], Any] | None = None) -> Any:
        """Return the model's output for the images, with logits of the mean prediction in place of its own.

        Args:
            model: A classifier in evaluation mode.
            images: (N, C, H, W). Integers are for models that normalise them.
            forward: Function from images to the output; None for the model itself.

        Returns:
            The output, without gradients. Its logits are logarithms of the mean probabilities; for one logit for each
            image and for ``multi_label`` they are the logits of the mean probabilities. Everything else in it is that
            of the images.
        """
        forward = forward or model
        with torch.no_grad():
            if self.view == "flip":
                with preserved_random_state():
                    output = forward(images)
                view = images.flip(-1)
            else:
                output, maps = self._explain(model, images, forward)
                view = resized_crops(images, self.boxes(maps))
            return _with_mean(output, forward(view), len(images), multi_label=self.multi_label)

    def boxes(self, maps: Tensor) -> Tensor:
        """Return the boxes of the crops, (N, 4), of maps (N, H, W)."""
        boxes = salient_boxes(maps, threshold=self.threshold, padding=self.padding, min_side=self.min_side)
        if self.view == "salient":
            return boxes
        position = torch.full((2, len(maps)), 0.5)
        if self.view == "random":
            position = torch.rand(2, len(maps), generator=torch.Generator().manual_seed(0), device="cpu")
        rows, columns = position.to(boxes)
        height, width = boxes[:, 2], boxes[:, 3]
        top, left = rows * (maps.shape[1] - height), columns * (maps.shape[2] - width)
        return torch.stack([top, left, height, width], dim=1)

    def _explain(self, model: nn.Module, images: Tensor, forward: Callable[[Tensor], Any]) -> tuple[Any, Tensor]:
        """Return the model's output, without gradients, and the maps of its predicted classes."""
        outputs: list[tuple[Tensor, Any]] = []

        def read(pixels: Tensor) -> Tensor:
            output = forward(pixels.to(images.dtype))
            logits = read_logits(output)
            outputs.append((logits, output))
            return logits

        run = functools.update_wrapper(read, forward, assigned=(), updated=())  # sets `__wrapped__`, see forward_key
        pixels = images if images.is_floating_point() else images.float()
        explanation = self.explainer(model, pixels, forward=run)
        # Explainers also call the forward to find their layer, and for masked images.
        explained = explanation.logits.data_ptr()
        output = next(output for logits, output in outputs if logits.data_ptr() == explained)
        return change_parts(output, _detached), explanation.maps


def _detached(part: Any, path: tuple[str, ...]) -> Any:
    return part.detach() if isinstance(part, Tensor) else part


def _with_mean(output: Any, other: Any, count: int, *, multi_label: bool) -> Any:
    """Return an output with the logits of the mean prediction of two outputs."""
    logits = find_logits(output, count)
    mean = mean_logits(logits, find_logits(other, count), multi_label=multi_label)
    return change_parts(output, lambda part, path: mean if part is logits else part)
