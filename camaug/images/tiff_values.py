"""Values of grey TIFFs that Pillow reads as if they were others."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

__all__ = ["is_min_white", "misread_values"]

BITS, PHOTOMETRIC, SAMPLE_FORMAT = 258, 262, 339  # tags
MIN_IS_WHITE, SIGNED = 0, 2


def misread_values(image: Image.Image) -> npt.NDArray[Any] | None:
    """Return the values (H, W) of a grey TIFF whose type or polarity Pillow ignores, or None for any other image.

    Pillow reads signed 8-bit values and unsigned 32-bit ones as their opposites, and inverts only images of 8 bits
    in which the smallest value is white.

    Args:
        image: An opened file.
    """
    if image.format != "TIFF" or len(image.getbands()) > 1:
        return None
    bits, is_signed = _tag(image, BITS, 1), _tag(image, SAMPLE_FORMAT, 1) == SIGNED
    if bits == 8 and is_signed:
        return np.asarray(image).view(np.int8)
    if bits == 32 and image.mode == "I" and not is_signed:
        return np.asarray(image).view(np.uint32)
    return np.asarray(image) if bits > 8 and is_min_white(image) else None


def is_min_white(image: Image.Image) -> bool:
    """Return True for a TIFF in which the smallest value is white. Reads only the header."""
    return image.format == "TIFF" and _tag(image, PHOTOMETRIC, 1) == MIN_IS_WHITE


def _tag(image: Image.Image, number: int, default: int) -> int:
    value = image.tag_v2.get(number, default)  # type: ignore[attr-defined]
    return int(value[0] if isinstance(value, tuple) else value)
