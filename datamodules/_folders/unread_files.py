"""Warning about images in formats that cannot be read here."""

from __future__ import annotations

from collections import Counter, deque
from pathlib import Path

from lightning.pytorch.utilities import rank_zero_warn

from camaug.images.formats import describe_unread

from .image_files import image_files

__all__ = ["count_unread", "warn_of_unread"]


def warn_of_unread(folder: Path, unread: Counter[str]) -> None:
    """Warn if there are images in formats that cannot be read here, with their number and what to install.

    Args:
        folder: The folder of the images.
        unread: Number of files by suffix.
    """
    if unread:
        rank_zero_warn(f"images in {folder}: {describe_unread(unread)}")


def count_unread(folder: Path) -> Counter[str]:
    """Return the number of images in a folder, and the folders below it, that cannot be read here, by suffix."""
    unread: Counter[str] = Counter()
    deque(image_files(folder, unread), maxlen=0)
    return unread
