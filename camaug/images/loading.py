"""Reading one image file, whatever its format and mode, as an upright RGB image."""

from __future__ import annotations

import os

import numpy as np
from PIL import Image, ImageOps

LONGEST = 100  # times the shorter side

__all__ = ["check_sides", "decode", "load_image", "upright_rgb"]


def load_image(path: str | os.PathLike[str]) -> Image.Image:
    """An image file as an upright RGB image.

    Raises:
        OSError: If the file cannot be read, naming it and why.
    """
    try:
        return decode(path)
    except Exception as error:  # Pillow's decoders raise errors of many kinds; none but this one names the file
        raise OSError(f"cannot read image {os.fspath(path)!r}: {error}") from error


def decode(path: str | os.PathLike[str], shrink: int = 1) -> Image.Image:
    """An image file as an upright RGB image; every byte of it is decoded.

    Args:
        path: The file.
        shrink: By how much a JPEG may be reduced while decoding it (1, 2, 4 or 8): several times as fast where only
            the file's soundness is asked for. Other formats are read at full size.

    Raises:
        ValueError: If one side is more than 100 times the other: the usual enlarging of the shorter side would make a
            small file fill the memory.
        Exception: Whatever Pillow raises at a file that is broken, cut off, too large (``PIL.Image.MAX_IMAGE_PIXELS``,
            told by its header) or no image.
    """
    with Image.open(path) as image:
        check_sides(image)
        if shrink > 1:
            image.draft(None, (max(1, image.width // shrink), max(1, image.height // shrink)))
        return upright_rgb(image)


def check_sides(image: Image.Image) -> None:
    """Refuse an image of which one side is more than 100 times the other, by its header alone.

    Raises:
        ValueError: If it is.
    """
    if max(image.size) > LONGEST * min(image.size):
        raise ValueError(
            f"it is {image.width} × {image.height} pixels, expected one side at most {LONGEST} times the other"
        )


def upright_rgb(image: Image.Image) -> Image.Image:
    """A picture of any mode, turned as its camera says it was held, as RGB; transparency is dropped."""
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I;16"):  # Pillow would cut 16-bit greys off at 255 and leave a white image
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.mode == "P" and "transparency" in image.info:  # Pillow warns if the detour by RGBA is not taken
        image = image.convert("RGBA")
    return image.convert("RGB")
