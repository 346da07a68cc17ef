"""Colours of TIFFs that Pillow does not read: floating-point ones, and those in separate planes."""

from __future__ import annotations

import importlib
import os
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["read_tiff_colours"]

ORIENTATION = 274  # tag of the EXIF orientation


def read_tiff_colours(path: str | os.PathLike[str]) -> tuple[npt.NDArray[Any], int]:
    """Read the first image of a TIFF by the package tifffile.

    Args:
        path: The file.

    Returns:
        Red, green and blue (H, W, 3) in the file's type, and the EXIF orientation.

    Raises:
        ImportError: If tifffile is not installed.
        ValueError: If the image has neither one channel nor three or more.
    """
    tifffile = importlib.import_module("tifffile")
    with tifffile.TiffFile(path) as file:
        page = file.pages[0]
        pixels: npt.NDArray[Any] = page.asarray()
        tag = page.tags.get(ORIENTATION)
        if page.axes == "YX":
            pixels = pixels[..., None]
        elif page.axes == "SYX":
            pixels = np.moveaxis(pixels, 0, -1)
    if pixels.ndim != 3 or pixels.shape[-1] == 2:
        raise ValueError(f"it holds an array {pixels.shape}, expected one channel, or three or more: convert it")
    return pixels[..., :3] if pixels.shape[-1] > 1 else pixels.repeat(3, axis=2), 1 if tag is None else int(tag.value)
