"""Reading boxes in Pascal VOC's format, an XML file for each image, by the standard library alone."""

from __future__ import annotations

import math
import os
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any
from xml.parsers import expat

from .._folders.image_check import upright_size
from .._folders.image_files import image_files
from .box_files import IMAGELESS, UNANNOTATED, annotation_files, count_unannotated
from .box_records import AnnotatedImage, Annotations, Box

__all__ = ["parse_voc", "read_voc"]

_VOC_FLAGS = ("difficult", "truncated", "occluded")


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
    for file in annotation_files(folder, ".xml"):
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
    omissions = {UNANNOTATED: count_unannotated(images, {*records, *unreadable}), IMAGELESS: imageless}
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
