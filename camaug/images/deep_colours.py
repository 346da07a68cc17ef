"""Colours of 16 bits, of which Pillow reads the higher 8."""

from __future__ import annotations

import os
import sys
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

__all__ = ["DeepColours", "has_deep_planes", "is_deep", "read_deep_colours"]

LITTLE, BIG = ";16L", ";16B"
NATIVE = ";16N"
GREY_AND_ALPHA = "LA;16B"


def is_deep(image: Image.Image) -> bool:
    """Return True if an opened image file stores more than 8 bits for each value. Reads only the header."""
    return image.mode[0] in "IF" or ";16" in _raw_mode(image)


class DeepColours(NamedTuple):
    """Colours of an image of more than 8 bits.

    Attributes:
        values: Red, green and blue, (H, W, 3).
        opacity: (H, W) in [0, 255], None for an opaque image.
    """

    values: npt.NDArray[np.uint16]
    opacity: npt.NDArray[np.uint8] | None


def read_deep_colours(path: str | os.PathLike[str], image: Image.Image) -> DeepColours | None:
    """Read all 16 bits of a colour image, or return None if the image is of another kind.

    Pillow keeps the higher byte of each value. The file is decoded a second time with the opposite order of bytes,
    which gives the lower ones.

    Args:
        path: The file.
        image: The same file, opened by Pillow.
    """
    raw_mode = _raw_mode(image)
    if image.mode[0] in "IF" or ";16" not in raw_mode:
        return None
    with Image.open(path) as reordered:
        reordered.tile = [tile._replace(args=_with_raw_mode(tile.args, _lower(raw_mode))) for tile in reordered.tile]
        lower = np.asarray(reordered)
    higher = np.asarray(image)
    opacity: npt.NDArray[np.uint8] | None = None
    if raw_mode == GREY_AND_ALPHA:  # read as four values of 8 bits: two of the grey value, two of its opacity
        opacity = lower[..., 2]
        higher, lower = lower[..., :1].repeat(3, axis=2), lower[..., 1:2].repeat(3, axis=2)
    elif image.has_transparency_data and higher.shape[2] == 4:
        opacity = higher[..., 3]
    return DeepColours(higher[..., :3].astype(np.uint16) << 8 | lower[..., :3], opacity)


def has_deep_planes(image: Image.Image) -> bool:
    """Return True if a TIFF has 16-bit colours in separate planes, which Pillow reads as if they had 8 bits."""
    is_planar = image.format == "TIFF" and _raw_mode(image) == "R"
    return is_planar and max(image.tag_v2.get(258, (8,))) > 8  # type: ignore[attr-defined]


def _raw_mode(image: Image.Image) -> str:
    """Return Pillow's name of the pixels in the file.

    It is "RGB;16B" for colours of 16 bits whose higher byte comes first.
    """
    args = next((tile.args for tile in getattr(image, "tile", [])), "")
    return str(args[0] if isinstance(args, tuple) and args else args)


def _with_raw_mode(args: Any, raw_mode: str) -> Any:
    return (raw_mode, *args[1:]) if isinstance(args, tuple) else raw_mode


def _lower(raw_mode: str) -> str:
    """Return the raw mode by which Pillow reads the lower bytes."""
    if raw_mode == GREY_AND_ALPHA:
        return "RGBA"
    if sys.byteorder == "little":
        raw_mode = raw_mode.replace(NATIVE, LITTLE)
    raw_mode = raw_mode.replace(NATIVE, BIG)
    return raw_mode.replace(LITTLE, BIG) if LITTLE in raw_mode else raw_mode.replace(BIG, LITTLE)
