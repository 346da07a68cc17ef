"""Image formats that can be read here, and remedies for the others."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from contextlib import suppress
from functools import cache

from PIL import Image
from torchvision.datasets.folder import IMG_EXTENSIONS

__all__ = ["describe_unread", "image_suffixes", "register_plugins", "unread_suffixes"]

OPTIONAL_SUFFIXES = {
    ".gif": "",
    ".jfif": "",
    ".jp2": "install Pillow with JPEG 2000",
    ".avif": "pip install pillow-avif-plugin",
    ".heic": "pip install pillow-heif",
    ".heif": "pip install pillow-heif",
    ".jxl": "pip install pillow-jxl-plugin",
}
"""Suffixes that Pillow reads depending on how it was built and on its plugins, with the remedy."""

CONVERTED_SUFFIXES = (".svg", ".dng", ".cr2", ".cr3", ".nef", ".arw", ".raf", ".orf", ".rw2", ".dcm", ".exr", ".hdr")
CONVERT = "convert them to PNG or TIFF"


@cache
def register_plugins() -> None:
    """Register every installed plugin of Pillow for the optional formats."""
    with suppress(ImportError):
        importlib.import_module("pillow_heif").register_heif_opener()
    for plugin in ("pillow_avif", "pillow_jxl"):  # they register themselves
        with suppress(ImportError):
            importlib.import_module(plugin)
    Image.init()


@cache
def image_suffixes() -> tuple[str, ...]:
    """Return the suffixes of image files that can be read here, in lower case."""
    register_plugins()
    known = Image.registered_extensions()
    return (*IMG_EXTENSIONS, *(suffix for suffix in OPTIONAL_SUFFIXES if suffix in known))


@cache
def unread_suffixes() -> Mapping[str, str]:
    """Return the suffixes of images that cannot be read here, each with what to do."""
    optional = {suffix: remedy for suffix, remedy in OPTIONAL_SUFFIXES.items() if suffix not in image_suffixes()}
    return optional | dict.fromkeys(CONVERTED_SUFFIXES, CONVERT)


def describe_unread(counts: Mapping[str, int]) -> str:
    """Return a sentence about files that cannot be read, or an empty string if there are none.

    Args:
        counts: Number of files by suffix, one of :func:`unread_suffixes`.

    Example:
        >>> describe_unread({".dcm": 3})
        '3 .dcm files are left out: convert them to PNG or TIFF'
    """
    return "; ".join(
        f"{count} {suffix} {'file is' if count == 1 else 'files are'} left out: {unread_suffixes()[suffix]}"
        for suffix, count in sorted(counts.items())
    )
