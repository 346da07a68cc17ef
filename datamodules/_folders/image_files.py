"""Image files in folders, and the classes that folders name."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from torchvision.datasets.folder import IMG_EXTENSIONS

__all__ = ["Sample", "class_folders", "image_files", "labelled_images", "visible_files"]

Sample = tuple[str, int]


def class_folders(folder: Path) -> list[str]:
    """Return the names of the folders in a folder, sorted, without hidden ones (".cache")."""
    return sorted(entry.name for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith("."))


def image_files(folder: Path) -> Iterator[str]:
    """Yield the images in a folder and the folders below it, sorted, without hidden files and folders."""
    return visible_files(folder, IMG_EXTENSIONS)


def visible_files(folder: Path, suffixes: str | tuple[str, ...]) -> Iterator[str]:
    """Yield the files in a folder and the folders below it whose name ends in a suffix, in any case.

    The order is sorted; hidden files and folders are left out. The search is lazy: finding the first file of a large
    folder is cheap.
    """
    for parent, folders, files in os.walk(folder, followlinks=True):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if name.lower().endswith(suffixes) and not name.startswith("."):
                yield os.path.join(parent, name)


def labelled_images(folder: Path, classes: Sequence[str]) -> list[Sample]:
    """Return every image of every class folder as `(path, label)`, where the label is the class's index."""
    return [(path, label) for label, name in enumerate(classes) for path in image_files(folder / name)]
