"""Which format annotations of boxes are in, and reading them into one kind of record.

What is wrong with an annotation file is an error that names the file, and the entry or line; what is wrong with a box
in it is not looked at here (`datamodules/_boxes/box_check.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from .box_files import annotation_files
from .box_records import Annotations
from .coco import read_coco
from .voc import read_voc
from .yolo import read_yolo, yolo_names

__all__ = ["BoxFormat", "read_boxes", "recognise_format"]

BoxFormat = Literal["coco", "voc", "yolo"]


def recognise_format(annotations: Path) -> BoxFormat:
    """The format of annotations, from what lies there.

    Args:
        annotations: A `.json` file (COCO), or a folder of `.xml` files (VOC) or of `.txt` files (YOLO).

    Raises:
        FileNotFoundError: If there is nothing, or nothing that looks like annotations.
        ValueError: If there are annotations of two formats.
    """
    looked_for = "a .json file (COCO), or a folder with .xml files (VOC) or .txt files (YOLO) in it or below"
    if annotations.is_file() and annotations.suffix.lower() == ".json":
        return "coco"
    if not annotations.is_dir():
        problem = "is a file of another kind" if annotations.exists() else "does not exist"
        raise FileNotFoundError(f"the annotations {annotations} {problem}. Expected {looked_for}")
    suffixes: dict[BoxFormat, str] = {"voc": ".xml", "yolo": ".txt"}
    found = [name for name, suffix in suffixes.items() if next(annotation_files(annotations, suffix), None) is not None]
    if len(found) == 2:
        raise ValueError(f"{annotations} holds both .xml and .txt files: say which to read, `format: voc` or `yolo`")
    if not found:
        raise FileNotFoundError(f"no annotations in {annotations}. Expected {looked_for}")
    return found[0]


def read_boxes(
    images: Path, annotations: Path, format_: BoxFormat, names: str | Sequence[str] | None = None
) -> Annotations:
    """Read annotations of a known format.

    Args:
        images: Folder of the images.
        annotations: The file (COCO) or folder (VOC, YOLO).
        format_: The format.
        names: Names of YOLO's categories, or a file of them, one a line; the other formats carry their own.

    Raises:
        FileNotFoundError: If the folder of images does not exist.
        ValueError: If the annotations are not of that format, or `names` is given or missing where it may not be.
    """
    if not images.is_dir():
        raise FileNotFoundError(
            f"the folder of images {images} {'is a file' if images.exists() else 'does not exist'}. Expected the "
            "folder with the images that the annotations name"
        )
    if format_ == "yolo":
        return read_yolo(images, annotations, yolo_names(names, annotations))
    if names is not None:
        raise ValueError(f"`names` is for YOLO's labels, which are numbers; {format_.upper()} has names of its own")
    return read_coco(images, annotations) if format_ == "coco" else read_voc(images, annotations)
