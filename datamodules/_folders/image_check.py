"""Finding the image files that cannot be read before training stumbles over them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from lightning.pytorch.utilities import rank_zero_only
from PIL import Image
from rich.progress import track

from camaug.images.loading import check_sides, decode
from camaug.utils.printable import printable

__all__ = ["describe_bad", "describe_bad_images", "find_bad_images", "upright_size"]

_WITHOUT_PROGRESS_BAR = 2_000
_NAMED = 10
_ORIENTATION = 0x0112
_LYING = (5, 6, 7, 8)  # the orientations that swap width and height


def find_bad_images(paths: Sequence[str]) -> dict[str, str]:
    """Decode every file, in threads, and say which failed and why.

    `PIL.Image.verify` would be quicker and useless: it does not notice a JPEG that is cut off.

    Args:
        paths: image files; a progress bar is shown for more than 2,000 of them.

    Returns:
        The reason for each file that cannot be read, in the order of `paths`.
    """
    with ThreadPoolExecutor(max_workers=min(16, os.cpu_count() or 1)) as threads:
        reasons = track(
            threads.map(_reason, paths),
            total=len(paths),
            description="Checking images",
            disable=len(paths) <= _WITHOUT_PROGRESS_BAR or rank_zero_only.rank != 0,
        )
        return {path: reason for path, reason in zip(paths, reasons, strict=True) if reason is not None}


def describe_bad_images(bad: Mapping[str, str], total: int) -> str:
    """One message about files that cannot be read: how many, and the first ten with their reasons."""
    return describe_bad(bad, f"{len(bad)} of {total} images cannot be read")


def describe_bad(bad: Mapping[str, str], heading: str) -> str:
    """A heading, and below it the first ten of what is bad with their reasons."""
    named = [f"  {printable(path)}: {printable(reason)}" for path, reason in list(bad.items())[:_NAMED]]
    unnamed = [f"  and {len(bad) - _NAMED} more"] if len(bad) > _NAMED else []
    return "\n".join([f"{heading}:", *named, *unnamed])


def upright_size(path: str | os.PathLike[str]) -> tuple[int, int]:
    """Width and height in pixels of an image as `load_image` gives it, from the file's header alone.

    Raises:
        OSError: If the file cannot be opened as an image, naming it and why.
    """
    try:
        with Image.open(path) as image:
            check_sides(image)
            width, height = image.size
            return (height, width) if image.getexif().get(_ORIENTATION) in _LYING else (width, height)
    except Exception as error:  # as in `load_image`
        raise OSError(f"cannot read image {os.fspath(path)!r}: {error}") from error


def _reason(path: str) -> str | None:
    try:
        decode(path, shrink=8)
    except Exception as error:  # decoders raise errors of many kinds, and each is the answer here
        return f"{type(error).__name__}: {error}"
    return None
