"""The size of an image as it is loaded, read from the file's header alone."""

from __future__ import annotations

import os

from camaug.images.loading import check_sides, open_image

__all__ = ["upright_size"]

_ORIENTATION = 0x0112
_SWAPPING_SIDES = (5, 6, 7, 8)  # EXIF orientations that swap width and height


def upright_size(path: str | os.PathLike[str]) -> tuple[int, int]:
    """Return the width and height in pixels that an image has in the result of `load_image`.

    Raises:
        OSError: If the file cannot be opened as an image. The message names the file and the reason.
    """
    try:
        with open_image(path) as image:
            check_sides(image)
            width, height = image.size
            is_upright = image.format == "TIFF"  # Pillow turns these itself
            is_turned = not is_upright and image.getexif().get(_ORIENTATION) in _SWAPPING_SIDES
            return (height, width) if is_turned else (width, height)
    except Exception as error:  # Pillow raises errors of many kinds
        raise OSError(f"cannot read image {os.fspath(path)!r}: {error}") from error
