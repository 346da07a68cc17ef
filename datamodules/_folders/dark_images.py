"""Warning about images of more than 8 bits that use few of their bits."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

import numpy as np
from lightning.pytorch.utilities import rank_zero_warn

from camaug.images.deep_colours import is_deep
from camaug.images.eight_bits import ValueRange
from camaug.images.loading import decode, open_image

__all__ = ["warn_of_dark_images"]

DEEP_SUFFIXES = (".png", ".tif", ".tiff", ".pgm", ".ppm", ".jp2")
SAMPLE_SIZE = 32
BRIGHTEST_OF_12_BITS = 15  # the highest 8 bits of 4095 as a 16-bit value


def warn_of_dark_images(paths: Sequence[str], value_range: ValueRange | None) -> None:
    """Warn if the images have 16 bits and none of a sample uses more than the lower 12, so that all are nearly black.

    Args:
        paths: The images.
        value_range: The user's values of black and white. None takes the whole range.
    """
    candidates = [path for path in paths if path.lower().endswith(DEEP_SUFFIXES)]
    if value_range is not None or not candidates:
        return
    sample = candidates[:: max(1, len(candidates) // SAMPLE_SIZE)][:SAMPLE_SIZE]
    brightest = {path: value for path in sample if (value := _brightest(path)) is not None}
    if brightest and max(brightest.values()) <= BRIGHTEST_OF_12_BITS:
        rank_zero_warn(
            f"the images of more than 8 bits, such as {min(brightest)}, are nearly black: they use less than a "
            "sixteenth of their values. Give the value of white: value_range=(0, 4095) for 12 bits"
        )


def _brightest(path: str) -> int | None:
    """Return the largest 8-bit value of an image, or None if it has no more bits or cannot be read."""
    with suppress(Exception):  # unreadable images are reported elsewhere
        with open_image(path) as image:
            if not is_deep(image):
                return None
        return int(np.asarray(decode(path)).max())
    return None
