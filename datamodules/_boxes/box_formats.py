"""The formats of box annotations, and one function that reads all of them.

An error in an annotation file raises, naming the file and the entry or line. The boxes themselves are checked later
(`datamodules/_boxes/box_check.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from .annotations import Annotations
from .box_files import annotation_files
from .coco import read_coco
from .voc import read_voc
from .yolo import read_yolo, read_yolo_names

__all__ = ["BoxFormat", "read_annotations", "recognise_format"]

BoxFormat = Literal["coco", "voc", "yolo"]

_EXPECTED = "Expected a .json file (COCO), or a folder with .xml files (VOC) or .txt files (YOLO) in it or below"


def recognise_format(annotations: Path) -> BoxFormat:
    """Return the format of annotations, recognised by the names of the files.

    Args:
        annotations: A `.json` file (COCO), or a folder of `.xml` files (VOC) or of `.txt` files (YOLO).

    Raises:
        FileNotFoundError: If there are no annotations.
        ValueError: If there are annotations of two formats.
    """
    if annotations.is_file() and annotations.suffix.lower() == ".json":
        return "coco"
    if not annotations.is_dir():
        problem = "is a file of another kind" if annotations.exists() else "does not exist"
        raise FileNotFoundError(f"the annotations {annotations} {problem}. {_EXPECTED}")
    suffixes: dict[BoxFormat, str] = {"voc": ".xml", "yolo": ".txt"}
    formats = [name for name, suffix in suffixes.items() if any(annotation_files(annotations, suffix))]
    if len(formats) == 2:
        raise ValueError(f"{annotations} holds both .xml and .txt files: say which to read, `format: voc` or `yolo`")
    if not formats:
        raise FileNotFoundError(f"no annotations in {annotations}. {_EXPECTED}")
    return formats[0]


def read_annotations(
    images: Path, annotations: Path, format_: BoxFormat, names: str | Sequence[str] | None = None
) -> Annotations:
    """Read annotations of a known format.

    Args:
        images: Folder of the images.
        annotations: The file (COCO) or folder (VOC, YOLO).
        format_: The format.
        names: Names of YOLO's categories, or a file with one on each line. The other formats carry their own names.

    Raises:
        FileNotFoundError: If the folder of images does not exist.
        ValueError: If the annotations are not of that format, or `names` is given for another format than YOLO.
    """
    if not images.is_dir():
        raise FileNotFoundError(
            f"the folder of images {images} {'is a file' if images.exists() else 'does not exist'}. Expected the "
            "folder with the images that the annotations name"
        )
    if format_ == "yolo":
        return read_yolo(images, annotations, read_yolo_names(names, annotations))
    if names is not None:
        raise ValueError(f"`names` is for YOLO's labels, which are numbers; {format_.upper()} has names of its own")
    return read_coco(images, annotations) if format_ == "coco" else read_voc(images, annotations)
