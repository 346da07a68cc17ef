"""Image files of any format and mode, read as upright RGB images."""

from __future__ import annotations

import os

import numpy as np
from PIL import Image, ImageOps

MAX_ASPECT_RATIO = 100

__all__ = ["check_sides", "decode", "load_image", "upright_rgb"]


def load_image(path: str | os.PathLike[str]) -> Image.Image:
    """Read an image file as an upright RGB image.

    Raises:
        OSError: If the file cannot be read. The message names the file and the reason.
    """
    try:
        return decode(path)
    except Exception as error:  # Pillow's decoders raise errors of many kinds, which do not name the file
        raise OSError(f"cannot read image {os.fspath(path)!r}: {error}") from error


def decode(path: str | os.PathLike[str], shrink: int = 1) -> Image.Image:
    """Decode every byte of an image file as an upright RGB image.

    Args:
        path: The file.
        shrink: Factor by which a JPEG may be reduced while it is decoded (1, 2, 4 or 8), which is several times as fast
            for a check of the file. Other formats are decoded at full size.

    Raises:
        ValueError: If one side is more than 100 times the other: resizing by the shorter side would fill the memory.
        Exception: Any error of Pillow for a file that is broken, cut off, too large by its header
            (``PIL.Image.MAX_IMAGE_PIXELS``) or not an image.
    """
    with Image.open(path) as image:
        check_sides(image)
        if shrink > 1:
            image.draft(None, (max(1, image.width // shrink), max(1, image.height // shrink)))
        return upright_rgb(image)


def check_sides(image: Image.Image) -> None:
    """Raise a ValueError if one side of an image is more than 100 times the other. Reads only the header."""
    if max(image.size) > MAX_ASPECT_RATIO * min(image.size):
        raise ValueError(
            f"it is {image.width} × {image.height} pixels, expected one side at most {MAX_ASPECT_RATIO} times the other"
        )


def upright_rgb(image: Image.Image) -> Image.Image:
    """Convert an image of any mode to RGB without transparency, turned upright by its EXIF orientation."""
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I;16"):  # Pillow would clip 16-bit grey values at 255
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.mode == "P" and "transparency" in image.info:  # Pillow warns if it is converted directly
        image = image.convert("RGBA")
    return image.convert("RGB")
