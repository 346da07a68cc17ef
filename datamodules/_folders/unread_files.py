"""Warnings about files that are left out."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping
from pathlib import Path

from lightning.pytorch.utilities import rank_zero_warn

from camaug.images.formats import describe_unread, image_suffixes
from camaug.utils.counted import counted

from .image_files import image_files

__all__ = ["count_unread", "warn_of_loose_images", "warn_of_incomplete_classes", "warn_of_unread"]


def warn_of_unread(folder: Path, unread: Counter[str]) -> None:
    """Warn if there are images in formats that cannot be read here, with their number and what to install.

    Args:
        folder: The folder of the images.
        unread: Number of files by suffix.
    """
    if unread:
        rank_zero_warn(f"images in {folder}: {describe_unread(unread)}")


def warn_of_incomplete_classes(folder: Path, images: Mapping[str, int], others: Mapping[str, Counter[str]]) -> None:
    """Warn of classes most of whose files are left out, with the files' suffixes.

    Args:
        folder: The folder of the class folders.
        images: Number of images of each class that are read.
        others: Number of the other files of each class by suffix.
    """
    for name, counts in others.items():
        if counts.total() > images[name]:
            files = counts.total() + images[name]
            suffixes = ", ".join(f"{suffix or 'without a suffix'} ({count})" for suffix, count in counts.most_common(5))
            rank_zero_warn(
                f"{counts.total()} of {files} files in {folder / name} are left out: {suffixes}. "
                "Rename or convert them if they are images"
            )


def warn_of_loose_images(folder: Path) -> None:
    """Warn of images beside the class folders, which belong to no class."""
    suffixes = image_suffixes()
    loose = sorted(each.name for each in folder.iterdir() if each.name.lower().endswith(suffixes) and each.is_file())
    loose = [name for name in loose if not name.startswith(".")]
    if loose:
        verb = "is" if len(loose) == 1 else "are"
        rank_zero_warn(
            f"{counted(len(loose), 'image')} in {folder} itself, such as {loose[0]}, {verb} left out: each image "
            "belongs into the folder of its class"
        )


def count_unread(folder: Path) -> Counter[str]:
    """Return the number of images in a folder, and the folders below it, that cannot be read here, by suffix."""
    unread: Counter[str] = Counter()
    deque(image_files(folder, unread), maxlen=0)
    return unread
