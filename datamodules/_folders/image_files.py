"""Finding labelled images on disk: one folder per class, the folder's name being the class."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from torchvision.datasets.folder import IMG_EXTENSIONS

__all__ = ["Sample", "class_folders", "image_files", "labelled_images"]

Sample = tuple[str, int]


def class_folders(folder: Path) -> list[str]:
    """The names of a folder's class folders, sorted; hidden ones (".cache") are none."""
    return sorted(entry.name for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith("."))


def image_files(folder: Path) -> Iterator[str]:
    """The images in a folder and the folders below it, in a fixed order; hidden files and folders are left out.

    Lazy, so that asking for the first image of a large folder is cheap.
    """
    for parent, folders, files in os.walk(folder, followlinks=True):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if name.lower().endswith(IMG_EXTENSIONS) and not name.startswith("."):
                yield os.path.join(parent, name)


def labelled_images(folder: Path, classes: Sequence[str]) -> list[Sample]:
    """Every image of every class folder as `(path, label)`, the label being the class's place in `classes`."""
    return [(path, label) for label, name in enumerate(classes) for path in image_files(folder / name)]
