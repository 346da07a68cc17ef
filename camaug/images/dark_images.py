"""Description of images of more than 8 bits that use few of their bits."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import numpy as np
import numpy.typing as npt

from .deep_colours import is_deep as has_more_bits
from .eight_bits import ValueRange
from .loading import decode, open_image

__all__ = ["describe_dark_images", "is_dark"]

DEEP_SUFFIXES = (".png", ".tif", ".tiff", ".pgm", ".ppm", ".jp2")
SAMPLE_SIZE = 32
BRIGHTEST_OF_12_BITS = 15  # the highest 8 bits of 4095 as a 16-bit value


def describe_dark_images(paths: Sequence[str], value_range: ValueRange | None) -> str:
    """Return a sentence if images have 16 bits and none of a sample uses more than the lower 12, else an empty string.

    Such images are nearly black.

    Args:
        paths: The images.
        value_range: The user's values of black and white. None takes the whole range.
    """
    candidates = [path for path in paths if path.lower().endswith(DEEP_SUFFIXES)]
    if value_range is not None or not candidates:
        return ""
    sample = candidates[:: max(1, len(candidates) // SAMPLE_SIZE)][:SAMPLE_SIZE]
    brightest = {path: value for path in sample if (value := _brightest(path)) is not None}
    if not brightest or max(brightest.values()) > BRIGHTEST_OF_12_BITS:
        return ""
    return (
        f"the images of more than 8 bits, such as {min(brightest)}, are nearly black: they use less than a sixteenth "
        "of their values. Give the value of white: value_range=(0, 4095) for 12 bits"
    )


def is_dark(values: npt.NDArray[Any]) -> bool:
    """Return True if integer values of more than 8 bits use no more than the lower 12, as those of scanners do.

    Example:
        >>> is_dark(np.array([0, 4095], np.uint16)), is_dark(np.array([0, 255], np.uint8))
        (True, False)
    """
    is_deep = values.dtype.kind in "ui" and values.dtype != np.uint8
    return is_deep and int(values.max()) >> 8 <= BRIGHTEST_OF_12_BITS


def _brightest(path: str) -> int | None:
    """Return the largest 8-bit value of an image, or None if it has no more bits or cannot be read."""
    with suppress(Exception):  # unreadable images are reported elsewhere
        with open_image(path) as image:
            if not has_more_bits(image):
                return None
        return int(np.asarray(decode(path)).max())
    return None
