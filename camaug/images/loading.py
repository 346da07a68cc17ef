"""Image files of any format and mode, read as upright RGB images."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from .deep_colours import has_deep_planes, read_deep_colours
from .eight_bits import ValueRange, to_eight_bits
from .formats import register_plugins, unread_suffixes
from .over_white import over_white, pixels_over_white
from .tiff_colours import read_tiff_colours
from .tiff_values import is_min_white, misread_values

MAX_ASPECT_RATIO = 100
PILLOW_TIFFS = "grey with 8, 16 or 32 bits and RGB with 8 or 16"

__all__ = ["check_sides", "decode", "load_image", "open_image", "upright_rgb"]


class UnreadTiffError(UnidentifiedImageError):
    """A TIFF of a kind that Pillow does not read."""


def load_image(path: str | os.PathLike[str], value_range: ValueRange | None = None) -> Image.Image:
    """Read an image file as an upright RGB image.

    Args:
        path: The file. Of an animation, the first image is read.
        value_range: Values of black and white in images of more than 8 bits
            (:func:`camaug.images.eight_bits.to_eight_bits`).

    Raises:
        OSError: If the file cannot be read. The message names the file and the reason.
    """
    try:
        return decode(path, value_range=value_range)
    except Exception as error:  # Pillow's decoders raise errors of many kinds, which do not name the file
        raise OSError(f"cannot read image {os.fspath(path)!r}: {error}") from error


def decode(path: str | os.PathLike[str], shrink: int = 1, value_range: ValueRange | None = None) -> Image.Image:
    """Decode every byte of an image file as an upright RGB image.

    Args:
        path: The file.
        shrink: Factor by which a JPEG may be reduced while it is decoded (1, 2, 4 or 8), which is several times as fast
            for a check of the file. Other formats are decoded at full size.
        value_range: Values of black and white in images of more than 8 bits.

    Raises:
        ValueError: If one side is more than 100 times the other: resizing by the shorter side would fill the memory. Or
            if an image of more than 8 bits has values outside the usual range, and there is no `value_range`.
        Exception: Any error of Pillow for a file that is broken, cut off, too large by its header
            (``PIL.Image.MAX_IMAGE_PIXELS``) or not an image.
    """
    try:
        opened = open_image(path)
    except UnreadTiffError:
        return _decode_tiff(path, value_range)
    with opened as image:
        check_sides(image)
        if has_deep_planes(image):
            return _decode_tiff(path, value_range)
        if (values := misread_values(image)) is not None:
            grey = to_eight_bits(values, value_range)
            grey = 255 - grey if is_min_white(image) else grey
            return _turned(grey[..., None].repeat(3, axis=2), image.getexif().get(ExifTags.Base.Orientation, 1))
        if shrink > 1:
            image.draft(None, (max(1, image.width // shrink), max(1, image.height // shrink)))
        colours = None if value_range is None else read_deep_colours(path, image)
        if colours is None:
            return upright_rgb(image, value_range)
        pixels = to_eight_bits(colours.values, value_range)
        if colours.opacity is not None:
            pixels = pixels_over_white(pixels, colours.opacity)
        return _turned(pixels, image.getexif().get(ExifTags.Base.Orientation, 1))


def open_image(path: str | os.PathLike[str]) -> Image.Image:
    """Open an image file without decoding it.

    Raises:
        UnidentifiedImageError: If it is of a format that cannot be read here. The message says what to install. Of a
            TIFF it is an `UnreadTiffError`.
    """
    register_plugins()
    try:
        image = Image.open(path)
    except UnidentifiedImageError as error:
        suffix = Path(path).suffix.lower()
        if suffix in unread_suffixes():
            raise UnidentifiedImageError(f"{suffix} files cannot be read here: {unread_suffixes()[suffix]}") from error
        if suffix in (".tif", ".tiff") and os.path.getsize(path):
            raise UnreadTiffError(f"it is no TIFF that Pillow reads, which are {PILLOW_TIFFS}: convert it") from error
        raise
    if image.format == "TIFF":
        image.filename = ""  # so that it is not memory-mapped, by which Pillow garbles images that it turns upright
    return image


def _decode_tiff(path: str | os.PathLike[str], value_range: ValueRange | None) -> Image.Image:
    """Decode a TIFF that Pillow does not read."""
    try:
        colours = read_tiff_colours(path)
    except ImportError as error:
        raise UnreadTiffError(
            f"it is no TIFF that Pillow reads, which are {PILLOW_TIFFS}: pip install tifffile, or convert it"
        ) from error
    except Exception as error:  # tifffile's own, of broken files and of compressions that need further packages
        raise UnreadTiffError(
            f"it is no TIFF that Pillow reads, which are {PILLOW_TIFFS}, and tifffile does not read it either: {error}"
        ) from error
    values = colours.values
    _check_ratio(values.shape[1], values.shape[0])
    pixels = values if values.dtype == np.uint8 else to_eight_bits(values, value_range)
    return _turned(255 - pixels if colours.is_min_white else pixels, colours.orientation)


def _turned(pixels: npt.NDArray[np.uint8], orientation: int) -> Image.Image:
    """Return pixels (H, W, 3) as an image, turned upright by their EXIF orientation."""
    image = Image.fromarray(np.ascontiguousarray(pixels))
    image.getexif()[ExifTags.Base.Orientation] = orientation
    return upright_rgb(image)


def check_sides(image: Image.Image) -> None:
    """Raise a ValueError if one side of an image is more than 100 times the other. Reads only the header."""
    _check_ratio(image.width, image.height)


def _check_ratio(width: int, height: int) -> None:
    if max(width, height) > MAX_ASPECT_RATIO * min(width, height):
        raise ValueError(
            f"it is {width} × {height} pixels, expected one side at most {MAX_ASPECT_RATIO} times the other"
        )


def upright_rgb(image: Image.Image, value_range: ValueRange | None = None) -> Image.Image:
    """Convert an image of any mode to RGB, turned upright by its EXIF orientation, with white where it is transparent.

    Args:
        image: The image.
        value_range: Values of black and white in images of more than 8 bits.

    Raises:
        ValueError: If it has values outside the usual range of images of more than 8 bits, and there is no
            `value_range`.
    """
    image = ImageOps.exif_transpose(image)
    if image.mode[0] in "IF":  # Pillow would clip its values at 255
        image = Image.fromarray(to_eight_bits(np.asarray(image), value_range))
    return over_white(image)
