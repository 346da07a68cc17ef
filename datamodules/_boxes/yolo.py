"""Reading boxes in YOLO's format, a text file for each image, by the standard library alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from .._folders.image_check import upright_size
from .._folders.image_files import image_files
from .box_files import IMAGELESS, UNANNOTATED, YOLO_NAMES, annotation_files
from .box_records import AnnotatedImage, Annotations, Box

__all__ = ["parse_yolo", "read_yolo", "yolo_names"]


def read_yolo(images: Path, folder: Path, names: Sequence[str]) -> Annotations:
    """Read a folder of YOLO labels, one `.txt` for each image, in the same folder below its own as the image.

    An empty file says that its image has no objects; an image without a file says nothing. The boxes are shares of the
    image as it is held upright, so the images are opened for their size.

    Args:
        images: Folder of the images.
        folder: Folder of the labels.
        names: The categories, in the order of their numbers.

    Raises:
        ValueError: If a line is not what it should be.
    """
    labels = {str(file.relative_to(folder).with_suffix("")): file for file in annotation_files(folder, ".txt")}
    records: list[AnnotatedImage] = []
    unreadable: dict[str, str] = {}
    used: set[str] = set()
    unannotated = 0
    for path in image_files(images):
        stem = str(Path(path).relative_to(images).with_suffix(""))
        if stem not in labels:
            unannotated += 1
            continue
        used.add(stem)
        try:
            width, height = upright_size(path)
        except OSError as error:
            unreadable[path] = str(error)
            continue
        text = labels[stem].read_text(encoding="utf-8-sig", errors="replace")
        records.append(AnnotatedImage(path, width, height, parse_yolo(text, width, height, names, str(labels[stem]))))
    omissions = {UNANNOTATED: unannotated, IMAGELESS: len(labels) - len(used)}
    return Annotations(tuple(records), tuple(names), omissions, unreadable)


def parse_yolo(text: str, width: int, height: int, names: Sequence[str], source: str) -> tuple[Box, ...]:
    """Parse one file of YOLO labels: class, then centre x, centre y, width and height as shares of the image.

    Args:
        text: The lines.
        width: The image's width in pixels.
        height: The image's height in pixels.
        names: The categories, in the order of their numbers.
        source: Where the text is from, for errors.

    Raises:
        ValueError: If a line does not hold five numbers, or its class has no name.

    Example:
        >>> parse_yolo("1 0.5 0.5 0.2 1.0", 100, 50, ["person", "dog"], "labels/1.txt")
        (Box(left=40.0, top=0.0, right=60.0, bottom=50.0, category='dog', flags=frozenset()),)
    """
    boxes = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        fields = line.split()
        try:
            index, (x, y, w, h) = int(fields[0]), map(float, fields[1:])
        except ValueError as error:
            raise ValueError(
                f"{source}, line {number}: {line!r} is not a label. Expected five numbers: class, centre x, centre y, "
                "width and height; polygons and confidences are not read"
            ) from error
        if not all(map(math.isfinite, (x, y, w, h))):
            raise ValueError(f"{source}, line {number}: {line!r} holds a number that is not finite")
        if not 0 <= index < len(names):
            raise ValueError(f"{source}, line {number}: class {index}, and there are {len(names)} `names`, from 0 on")
        left, top = (x - w / 2) * width, (y - h / 2) * height
        boxes.append(Box(left, top, left + w * width, top + h * height, names[index]))
    return tuple(boxes)


def yolo_names(names: str | Sequence[str] | None, folder: Path) -> list[str]:
    """The names of YOLO's categories, given as names, as a file of them, or in the folder of the labels.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If there are no names, or one twice.
    """
    if names is None or isinstance(names, str):
        file = folder / YOLO_NAMES if names is None else Path(names).expanduser()
        if not file.is_file():
            raise FileNotFoundError(
                f"YOLO's labels are numbers, and the file of names {file} does not exist. Give `names`: a file with "
                "the name of a category on each line, or a list"
            )
        names = [line.strip() for line in file.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
    if not names or len(set(names)) < len(names):
        raise ValueError(
            f"`names` must be some names, each once, got {len(names)}, {len(set(names))} of them different"
        )
    return list(names)
