"""Warning about images of more than 8 bits that use few of their bits."""

from __future__ import annotations

from collections.abc import Sequence

from lightning.pytorch.utilities import rank_zero_warn

from camaug.images.dark_images import describe_dark_images
from camaug.images.eight_bits import ValueRange

__all__ = ["warn_of_dark_images"]


def warn_of_dark_images(paths: Sequence[str], value_range: ValueRange | None) -> None:
    """Warn if the images have 16 bits and none of a sample uses more than the lower 12, so that all are nearly black.

    Args:
        paths: The images.
        value_range: The user's values of black and white. None takes the whole range.
    """
    if sentence := describe_dark_images(paths, value_range):
        rank_zero_warn(sentence)
