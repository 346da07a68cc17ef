"""Annotation files in folders, and images without them."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from pathlib import Path

from .._folders.image_files import image_files, visible_files

__all__ = ["IMAGELESS", "UNANNOTATED", "YOLO_NAMES", "annotation_files", "count_unannotated", "stem_below"]

YOLO_NAMES = "classes.txt"  # labelling tools put the names of the categories there, beside the labels
UNANNOTATED = "images without annotation"
IMAGELESS = "annotations without image"


def annotation_files(folder: Path, suffix: str) -> Iterator[Path]:
    """Yield the annotation files in a folder and the folders below it, sorted, without hidden files."""
    return (path for path in map(Path, visible_files(folder, suffix)) if path.name != YOLO_NAMES)


def stem_below(folder: Path, path: str | Path) -> str:
    """Return a file's path relative to a folder, without its suffix: what an image and its annotation share."""
    return str(Path(path).relative_to(folder).with_suffix(""))


def count_unannotated(images: Path, paths: Collection[str]) -> int:
    """Return the number of images in a folder, and the folders below it, that are not among the paths."""
    return sum(1 for path in image_files(images) if os.path.normpath(path) not in paths)
