"""Clear errors for images that a model does not take."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from PIL import Image
from torch import Tensor, nn

from camaug.images.preprocessing import Preprocessing
from camaug.inspection.model_output import LogitsForward
from camaug.inspection.neutral import neutral
from camaug.utils.out_of_memory import is_out_of_memory

__all__ = ["clear_shape_errors", "count_classes"]

SHAPE_ERRORS = (RuntimeError, AssertionError, IndexError)


@contextmanager
def clear_shape_errors(
    model: nn.Module, images: Tensor, preprocessing: Preprocessing, forward: Callable[[Tensor], Tensor] | None
) -> Iterator[None]:
    """Replace an error inside the block by a sentence about the shape of the image, if the model does not take it.

    Args:
        model: The model, which stays unchanged.
        images: The input (1, C, H, W) that the block calls the model with.
        preprocessing: The model's preprocessing.
        forward: Function from images to logits, None for the model itself.

    Raises:
        ValueError: If the block raises an error and the model alone raises one, too.
    """
    try:
        yield
    except Exception as failure:
        if is_out_of_memory(failure):
            raise
        try:
            count_classes(model, images, forward)
        except SHAPE_ERRORS as error:
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            expected = _expected(model, images, preprocessing)
            shape = tuple(images.shape[1:])
            raise ValueError(f"the model does not take an image of {shape}: {expected} ({reason})") from error
        raise


def count_classes(model: nn.Module, images: Tensor, forward: Callable[[Tensor], Tensor] | None) -> int:
    """Return the number of logits of a model, which stays unchanged."""
    with neutral(model):
        return LogitsForward(forward or model)(images).shape[1]


def _expected(model: nn.Module, images: Tensor, preprocessing: Preprocessing) -> str:
    channels = next((module.in_channels for module in model.modules() if isinstance(module, nn.Conv2d)), None)
    if channels is not None and channels != images.shape[1]:
        return (
            f"its first convolution takes {channels} {'channel' if channels == 1 else 'channels'}. Give a tensor of as "
            "many, or a transform that makes one of the image, transform="
        )
    usual = tuple(preprocessing.transform(Image.new("RGB", (256, 256))).shape)
    return f"expected one like {usual}, which its transform makes of files, PIL images and uint8 pixels"
