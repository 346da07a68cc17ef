"""The reader of YOLO's format: one text file for each image."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from camaug.utils.progress import with_progress

from .._folders.image_files import image_files
from .._folders.upright_size import upright_size
from .annotations import AnnotatedImage, Annotations, Box
from .box_files import IMAGELESS, UNANNOTATED, YOLO_NAMES, annotation_files, stem_below

__all__ = ["parse_yolo", "read_yolo", "read_yolo_names"]


def read_yolo(images: Path, folder: Path, names: Sequence[str]) -> Annotations:
    """Read a folder of YOLO labels, one `.txt` for each image, with the same path below its folder as the image.

    An empty file means that its image has no objects. An image without a file is not annotated. Boxes are relative to
    the size of the upright image, so the images are opened.

    Args:
        images: Folder of the images.
        folder: Folder of the labels.
        names: The categories, in the order of their numbers.

    Raises:
        ValueError: If a line is malformed.
    """
    labels = {stem_below(folder, file): file for file in annotation_files(folder, ".txt")}
    image_paths = list(image_files(images))
    annotated = [(path, stem) for path in image_paths if (stem := stem_below(images, path)) in labels]
    records: list[AnnotatedImage] = []
    unreadable: dict[str, str] = {}
    for path, stem in with_progress(annotated, "reading annotations"):
        try:
            width, height = upright_size(path)
        except OSError as error:
            unreadable[path] = str(error)
            continue
        text = labels[stem].read_text(encoding="utf-8-sig", errors="replace")
        records.append(AnnotatedImage(path, width, height, parse_yolo(text, width, height, names, str(labels[stem]))))
    imageless = len(labels) - len({stem for _, stem in annotated})
    omissions = {UNANNOTATED: len(image_paths) - len(annotated), IMAGELESS: imageless}
    return Annotations(tuple(records), tuple(names), omissions, unreadable)


def parse_yolo(text: str, width: int, height: int, names: Sequence[str], source: str) -> tuple[Box, ...]:
    """Parse one file of YOLO labels: class, then centre x, centre y, width and height as shares of the image.

    Args:
        text: The lines.
        width: The image's width in pixels.
        height: The image's height in pixels.
        names: The categories, in the order of their numbers.
        source: Name of the file, for errors.

    Raises:
        ValueError: If a line does not hold five numbers, or its class has no name.

    Example:
        >>> parse_yolo("1 0.5 0.5 0.2 1.0", 100, 50, ["person", "dog"], "labels/1.txt")
        (Box(left=40.0, top=0.0, right=60.0, bottom=50.0, category='dog', flags=frozenset()),)
    """
    return tuple(
        _box(line, width, height, names, f"{source}, line {number}")
        for number, line in enumerate(text.splitlines(), start=1)
        if line.strip()
    )


def read_yolo_names(names: str | Sequence[str] | None, folder: Path) -> list[str]:
    """Return the names of YOLO's categories: from a list, from a file, or from the folder of the labels.

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
            f"`names` must be at least one name, each once, got {len(names)}, {len(set(names))} of them different"
        )
    return list(names)


def _box(line: str, image_width: int, image_height: int, names: Sequence[str], source: str) -> Box:
    fields = line.split()
    try:
        index, (x, y, width, height) = int(fields[0]), map(float, fields[1:])
    except ValueError as error:
        raise ValueError(
            f"{source}: {line!r} is not a label. Expected five numbers: class, centre x, centre y, width and height; "
            "polygons and confidences are not read"
        ) from error
    if not all(map(math.isfinite, (x, y, width, height))):
        raise ValueError(f"{source}: {line!r} holds a number that is not finite")
    if not 0 <= index < len(names):
        raise ValueError(f"{source}: class {index}, and there are {len(names)} `names`, from 0 on")
    left, top = (x - width / 2) * image_width, (y - height / 2) * image_height
    return Box(left, top, left + width * image_width, top + height * image_height, names[index])
