"""Time that a second view takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

from camaug.augmentation.zoom import Zoom
from camaug.inspection.model_output import find_logits
from camaug.inspection.neutral import neutral
from camaug.utils.timing import in_turn

__all__ = ["describe_zoom"]

ROUNDS = 4
MEASURED_IMAGES = 8


def describe_zoom(zoom: Zoom, model: nn.Module, images: Tensor, forward: Callable[[Tensor], Any] | None = None) -> str:
    """Return a sentence about the second view and its price, measured on the first images.

    Args:
        zoom: The second view.
        model: A classifier.
        images: A batch, (N, C, H, W).
        forward: Function from images to the output; None for the model itself.

    Raises:
        ValueError: If the model outputs probabilities, whose mean is not that of logits.
    """
    few, run = images[:MEASURED_IMAGES], forward or model
    with neutral(model):
        few = few.clone() if few.is_inference() else few
        _refuse_probabilities(find_logits(run(few), len(few)))
        seconds = in_turn(
            {"plain": lambda: run(few), "zoom": lambda: zoom(model, few, forward=forward)}, few.device, rounds=ROUNDS
        )
    factor = min(seconds["zoom"]) / min(seconds["plain"])  # other work on the machine only adds time
    if zoom.view == "flip":
        view, passes = "its mirrored image", "two forward passes"
    else:
        view = f"a {zoom.view} crop of the size of the region found by {zoom.explainer.name}"
        passes = "two forward passes and the explanation"
    return f"predictions are averaged over each image and {view}: about {factor:.2g} times a forward pass ({passes})"


def _refuse_probabilities(logits: Tensor) -> None:
    if logits.dim() == 2 and logits.shape[1] > 1 and logits.min() >= 0 and (logits.sum(dim=1) - 1).abs().max() < 1e-2:
        raise ValueError(
            "zoom averages predictions with logits, and the model outputs probabilities: return its logits"
        )
