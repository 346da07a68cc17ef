"""Check of models that normalise images of integers themselves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from camaug.inspection.model_output import LogitsForward
from camaug.inspection.neutral import neutral

__all__ = ["check_integer_images"]

TOLERANCE = 1e-2


def check_integer_images(model: nn.Module, images: Tensor, forward: Callable[[Tensor], Any] | None) -> None:
    """Raise if a model that receives images of integers predicts otherwise from floating-point copies.

    Explanations need floating-point images, through which gradients flow.

    Args:
        model: The model, which stays unchanged.
        images: Floating-point copies of images of integers (N, C, H, W).
        forward: Function from images to logits, None for the model itself.

    Raises:
        ValueError: If the logits of both differ.
    """
    as_logits = LogitsForward(forward or model)
    with neutral(model):
        of_floats, of_integers = as_logits(images).float(), as_logits(images.to(torch.uint8)).float()
    scale = float(of_integers.abs().max().clamp(min=1))
    if not torch.allclose(of_floats, of_integers, atol=TOLERANCE * scale):
        raise ValueError(
            "the model gets images of integers and predicts otherwise from floating-point copies of them, on which "
            "explanations depend: normalise the images in on_after_batch_transfer, or pass forward=, a function that "
            "takes them as floats in [0, 255]"
        )
