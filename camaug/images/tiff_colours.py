"""Colours of TIFFs that Pillow does not read: floating-point ones, and those in separate planes."""

from __future__ import annotations

import importlib
import math
import os
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

__all__ = ["TiffColours", "read_tiff_colours"]

ORIENTATION = 274  # tag of the EXIF orientation
MIN_IS_WHITE = 0


class TiffColours(NamedTuple):
    """Colours of a TIFF.

    Attributes:
        values: Red, green and blue (H, W, 3) in the file's type.
        orientation: The EXIF orientation.
        is_min_white: True if the smallest value is white.
    """

    values: npt.NDArray[Any]
    orientation: int
    is_min_white: bool


def read_tiff_colours(path: str | os.PathLike[str]) -> TiffColours:
    """Read the first image of a TIFF by the package tifffile.

    Args:
        path: The file.

    Raises:
        ImportError: If tifffile is not installed.
        ValueError: If the image has neither one channel nor three or more, or by its header more pixels than Pillow
            decodes (twice ``PIL.Image.MAX_IMAGE_PIXELS``), or more than four times as many values.
    """
    tifffile = importlib.import_module("tifffile")
    with tifffile.TiffFile(path) as file:
        page = file.pages[0]
        _check_size(page.shape, page.imagewidth, page.imagelength)
        pixels: npt.NDArray[Any] = page.asarray()
        tag = page.tags.get(ORIENTATION)
        if page.axes == "YX":
            pixels = pixels[..., None]
        elif page.axes == "SYX":
            pixels = np.moveaxis(pixels, 0, -1)
    if pixels.ndim != 3 or pixels.shape[-1] == 2:
        raise ValueError(f"it holds an array {pixels.shape}, expected one channel, or three or more: convert it")
    colours = pixels[..., :3] if pixels.shape[-1] > 1 else pixels.repeat(3, axis=2)
    return TiffColours(colours, 1 if tag is None else int(tag.value), int(page.photometric) == MIN_IS_WHITE)


def _check_size(shape: tuple[int, ...], width: int, height: int) -> None:
    """Raise a ValueError if an image would fill the memory. Its few bytes may be the whole file."""
    if Image.MAX_IMAGE_PIXELS is None:  # as it is switched off for Pillow's own formats
        return
    pixels, values = 2 * Image.MAX_IMAGE_PIXELS, math.prod(shape)
    if width * height > pixels or values > 4 * pixels:
        raise ValueError(
            f"it is {width} × {height} pixels with {values} values, which exceeds the limit of {pixels} pixels and "
            f"{4 * pixels} values: it could be a decompression bomb (PIL.Image.MAX_IMAGE_PIXELS is half of the limit)"
        )
