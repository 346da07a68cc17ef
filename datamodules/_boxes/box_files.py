"""Finding the files of annotations of boxes."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from pathlib import Path

from .._folders.image_files import image_files

__all__ = ["IMAGELESS", "UNANNOTATED", "YOLO_NAMES", "annotation_files", "count_unannotated"]

YOLO_NAMES = "classes.txt"  # labelling tools leave the names there, among the labels
UNANNOTATED = "images without annotation"
IMAGELESS = "annotations without image"


def annotation_files(folder: Path, suffix: str) -> Iterator[Path]:
    """The annotations in a folder and the folders below it, in a fixed order; hidden ones are left out."""
    for parent, folders, files in os.walk(folder, followlinks=True):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if name.lower().endswith(suffix) and not name.startswith(".") and name != YOLO_NAMES:
                yield Path(parent, name)


def count_unannotated(images: Path, paths: Collection[str]) -> int:
    """How many of the images in a folder and the folders below it are not among some paths."""
    return sum(1 for path in image_files(images) if os.path.normpath(path) not in paths)
