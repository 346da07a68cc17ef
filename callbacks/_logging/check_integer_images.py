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
RANGES = {torch.uint8: "255", torch.uint16: "65535"}


def check_integer_images(
    model: nn.Module, images: Tensor, forward: Callable[[Tensor], Any] | None, integer_dtype: torch.dtype | None
) -> None:
    """Raise if a model that receives images of integers predicts otherwise from floating-point copies.

    Explanations need floating-point images, through which gradients flow.

    Args:
        model: The model, which stays unchanged.
        images: Floating-point copies of images of integers (N, C, H, W).
        forward: Function from images to logits, None for the model itself.
        integer_dtype: Dtype of the original images, None if they are floating-point, which need no check.

    Raises:
        ValueError: If the logits of both differ, or the model does not take integers.
    """
    if integer_dtype is None:
        return
    as_logits = LogitsForward(forward or model)
    with neutral(model):
        try:
            of_integers = as_logits(images.to(integer_dtype)).float()
        except Exception as error:
            raise ValueError(
                f"the batch holds images of {integer_dtype}, which the model's forward does not take "
                f"({_first_line(error)}): {_remedy(integer_dtype)}"
            ) from error
        of_floats = as_logits(images).float()
    scale = float(of_integers.abs().max().clamp(min=1))
    if not torch.allclose(of_floats, of_integers, atol=TOLERANCE * scale):
        raise ValueError(
            f"the model gets images of {integer_dtype} and predicts otherwise from floating-point copies of them, on "
            f"which explanations depend: {_remedy(integer_dtype)}"
        )


def _remedy(integer_dtype: torch.dtype) -> str:
    limit = RANGES.get(integer_dtype, "their range")
    divisor = RANGES.get(integer_dtype, "RANGE")
    return (
        f"divide them by {limit} in on_after_batch_transfer, so that they are floats, or give forward=lambda module, "
        f"images: module(images / {divisor}), which scales them as the steps do"
    )


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
