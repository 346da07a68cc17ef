"""Reading boxes in the formats of COCO, Pascal VOC and YOLO into one kind of record, by the standard library alone.

What is wrong with an annotation file is an error that names the file, and the entry or line; what is wrong with a box
in it is not looked at here (`datamodules/box_check.py`).
"""

from __future__ import annotations

import json
import math
import os
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal
from xml.parsers import expat

from .box_records import AnnotatedImage, Annotations, Box
from .image_check import upright_size
from .image_files import image_files

__all__ = [
    "BoxFormat",
    "parse_voc",
    "parse_yolo",
    "read_boxes",
    "read_coco",
    "read_voc",
    "read_yolo",
    "recognise_format",
]

BoxFormat = Literal["coco", "voc", "yolo"]

_VOC_FLAGS = ("difficult", "truncated", "occluded")
_YOLO_NAMES = "classes.txt"  # labelling tools leave the names there, among the labels
_UNANNOTATED = "images without annotation"
_IMAGELESS = "annotations without image"


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
    found = [name for name, suffix in suffixes.items() if next(_files(annotations, suffix), None) is not None]
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
        return read_yolo(images, annotations, _yolo_names(names, annotations))
    if names is not None:
        raise ValueError(f"`names` is for YOLO's labels, which are numbers; {format_.upper()} has names of its own")
    return read_coco(images, annotations) if format_ == "coco" else read_voc(images, annotations)


# COCO


def read_coco(images: Path, file: Path) -> Annotations:
    """Read a COCO file, `instances_*.json`: boxes as left, top, width and height in pixels.

    Segmentations are not read. Boxes with `iscrowd` have the flag "crowd".

    Args:
        images: Folder that the images' `file_name` starts from.
        file: The JSON file.

    Raises:
        ValueError: If the file is not what it should be, has an id twice, or refers to an image or category that it
            does not have.
    """
    try:
        content = json.loads(file.read_text(encoding="utf-8-sig"))
    except ValueError as error:
        raise ValueError(f"{file} is not JSON: {error}") from error
    pictures = _entries(content, "images", {"file_name": str, "width": int, "height": int}, file)
    categories = _entries(content, "categories", {"name": str}, file)
    objects = _entries(content, "annotations", {"image_id": int, "category_id": int, "bbox": list}, file)
    boxes: dict[int, list[Box]] = {number: [] for number in pictures}
    for number, entry in objects.items():
        for key, known in (("image_id", pictures), ("category_id", categories)):
            if entry[key] not in known:
                raise ValueError(
                    f"{file}: annotation {number} has the {key} {entry[key]}, which the file does not list"
                )
        boxes[entry["image_id"]].append(_coco_box(entry, categories[entry["category_id"]]["name"], file))
    records = [
        AnnotatedImage(
            os.path.normpath(images / entry["file_name"]), entry["width"], entry["height"], tuple(boxes[number])
        )
        for number, entry in pictures.items()
    ]
    paths = {record.path for record in records}
    if len(paths) < len(records):
        raise ValueError(f"{file} lists {len(records) - len(paths)} image files more than once")
    there = [record for record in records if os.path.isfile(record.path)]
    omissions = {_UNANNOTATED: _others(images, paths), _IMAGELESS: len(records) - len(there)}
    return Annotations(tuple(there), tuple(dict.fromkeys(e["name"] for e in categories.values())), omissions)


def _entries(content: Any, name: str, fields: dict[str, type], file: Path) -> dict[int, dict[str, Any]]:
    """One list of a COCO file, by id."""
    entries = content.get(name) if isinstance(content, dict) else None
    if not isinstance(entries, list):
        raise ValueError(f"{file} has no list {name!r}. Expected COCO's instances: images, categories and annotations")
    by_id: dict[int, dict[str, Any]] = {}
    for place, entry in enumerate(entries):
        for key, kind in {"id": int, **fields}.items():
            if not isinstance(entry, dict) or not isinstance(entry.get(key), kind):
                raise ValueError(f"{file}: entry {place} of {name!r} has no {key!r} that is a {kind.__name__}: {entry}")
        if entry["id"] in by_id:
            raise ValueError(f"{file}: the id {entry['id']} stands twice in {name!r}")
        by_id[entry["id"]] = entry
    return by_id


def _coco_box(entry: dict[str, Any], category: str, file: Path) -> Box:
    numbers = entry["bbox"]
    if len(numbers) != 4 or not all(isinstance(n, int | float) and math.isfinite(n) for n in numbers):
        raise ValueError(
            f"{file}: annotation {entry['id']} has the bbox {numbers}. Expected four numbers: left, top, width, height"
        )
    left, top, width, height = map(float, numbers)
    flags = frozenset({"crowd"} if entry.get("iscrowd") else ())
    return Box(left, top, left + width, top + height, category, flags)


# Pascal VOC


def read_voc(images: Path, folder: Path) -> Annotations:
    """Read a folder of Pascal VOC files, one `.xml` for each image.

    An image is the file that its annotation names (`filename`), or else has the annotation's own name. Images of which
    the annotation says no size are opened for it.

    Args:
        images: Folder of the images.
        folder: Folder of the annotations; those in folders below it count too.

    Raises:
        ValueError: If a file is not what it should be, or two of them are of one image.
    """
    by_stem = {
        str(Path(path).relative_to(images).with_suffix("")): os.path.normpath(path) for path in image_files(images)
    }
    records: dict[str, AnnotatedImage] = {}
    unreadable: dict[str, str] = {}
    imageless = 0
    for file in _files(folder, ".xml"):
        filename, size, boxes = parse_voc(file.read_bytes(), str(file))
        path = os.path.normpath(images / filename) if filename else ""
        if not os.path.isfile(path):
            path = by_stem.get(str(file.relative_to(folder).with_suffix("")), "")
        if not path:
            imageless += 1
        elif path in records or path in unreadable:
            raise ValueError(f"{file} is not the only annotation of {path}")
        else:
            try:
                width, height = size or upright_size(path)
            except OSError as error:
                unreadable[path] = str(error)
            else:
                records[path] = AnnotatedImage(path, width, height, boxes)
    categories = sorted({box.category for record in records.values() for box in record.boxes})
    omissions = {_UNANNOTATED: _others(images, {*records, *unreadable}), _IMAGELESS: imageless}
    return Annotations(tuple(records.values()), tuple(categories), omissions, unreadable)


def parse_voc(content: bytes, source: str) -> tuple[str, tuple[int, int] | None, tuple[Box, ...]]:
    """Parse one Pascal VOC annotation.

    VOC counts pixels from 1 and its `xmax` and `ymax` belong to the box. Its flags are kept: `difficult`, `truncated`
    and `occluded`. A document type or an entity of its own is refused: an annotation has no use for either, and small
    files can be made to unfold into gigabytes by them.

    Args:
        content: The XML.
        source: Where it is from, for errors.

    Returns:
        The image's file name (empty where it is not said), its width and height (None where they are not said, or 0),
        and its boxes.

    Raises:
        ValueError: If the XML is malformed or refused, or a box is incomplete.

    Example:
        >>> box = "<xmin>1</xmin><ymin>3</ymin><xmax>10</xmax><ymax>4</ymax>"
        >>> text = f"<annotation><object><name>cat</name><bndbox>{box}</bndbox></object></annotation>"
        >>> parse_voc(text.encode(), "cat.xml")[2]
        (Box(left=0.0, top=2.0, right=10.0, bottom=4.0, category='cat', flags=frozenset()),)
    """
    root = _parse_xml(content, source)
    boxes = []
    for place, entry in enumerate(root.findall("object")):
        try:
            corners = [float(entry.findtext(f"bndbox/{name}", "")) for name in ("xmin", "ymin", "xmax", "ymax")]
        except ValueError as error:
            raise ValueError(f"{source}: object {place} has no bndbox of xmin, ymin, xmax and ymax: {error}") from error
        category = entry.findtext("name", "").strip()
        if not category or not all(map(math.isfinite, corners)):
            raise ValueError(f"{source}: object {place} has the name {category!r} and the bndbox {corners}")
        left, top, right, bottom = corners
        flags = frozenset(name for name in _VOC_FLAGS if entry.findtext(name, "0").strip() == "1")
        boxes.append(Box(left - 1, top - 1, right, bottom, category, flags))
    width, height = (root.findtext(f"size/{name}", "0").strip() for name in ("width", "height"))
    if not (width.isdecimal() and height.isdecimal()):
        raise ValueError(f"{source}: the size is {width!r} × {height!r}. Expected whole numbers of pixels")
    size = (int(width), int(height)) if int(width) and int(height) else None
    return root.findtext("filename", "").strip(), size, tuple(boxes)


def _parse_xml(content: bytes, source: str) -> ET.Element:
    builder = ET.TreeBuilder()
    parser = expat.ParserCreate()
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.data

    def refuse(*_: Any) -> None:
        raise ValueError(f"{source} declares a document type (<!DOCTYPE>), which is refused: remove it")

    parser.StartDoctypeDeclHandler = refuse  # nothing of it is read before, and entities are declared nowhere else
    try:
        parser.Parse(content, True)
    except expat.ExpatError as error:
        raise ValueError(f"{source} is not XML: {error}") from error
    return builder.close()


# YOLO


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
    labels = {str(file.relative_to(folder).with_suffix("")): file for file in _files(folder, ".txt")}
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
    omissions = {_UNANNOTATED: unannotated, _IMAGELESS: len(labels) - len(used)}
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


def _yolo_names(names: str | Sequence[str] | None, folder: Path) -> list[str]:
    if names is None or isinstance(names, str):
        file = folder / _YOLO_NAMES if names is None else Path(names).expanduser()
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


# Files


def _files(folder: Path, suffix: str) -> Iterator[Path]:
    """The annotations in a folder and the folders below it, in a fixed order; hidden ones are left out."""
    for parent, folders, files in os.walk(folder, followlinks=True):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if name.lower().endswith(suffix) and not name.startswith(".") and name != _YOLO_NAMES:
                yield Path(parent, name)


def _others(images: Path, paths: set[str]) -> int:
    return sum(1 for path in image_files(images) if os.path.normpath(path) not in paths)
