"""The reader of Pascal VOC's format: one XML file for each image."""

from __future__ import annotations

import math
import os
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any, NamedTuple
from xml.parsers import expat

from camaug.utils.progress import with_progress

from .._folders.image_files import image_files
from .._folders.upright_size import upright_size
from .annotations import AnnotatedImage, Annotations, Box
from .box_files import IMAGELESS, UNANNOTATED, annotation_files, count_unannotated, stem_below

__all__ = ["VocAnnotation", "parse_voc", "read_voc"]

_FLAGS = ("difficult", "truncated", "occluded")


class VocAnnotation(NamedTuple):
    """Content of one VOC file.

    Attributes:
        filename: The image's file name; empty if it is missing.
        size: The image's width and height; None if they are missing or 0.
        boxes: The boxes.
    """

    filename: str
    size: tuple[int, int] | None
    boxes: tuple[Box, ...]


def read_voc(images: Path, folder: Path) -> Annotations:
    """Read a folder of Pascal VOC files, one `.xml` for each image.

    The image is the file that the annotation names (`filename`), or else the image with the annotation's own name.
    Images whose size the annotation does not contain are opened.

    Args:
        images: Folder of the images.
        folder: Folder of the annotations, with the folders below it.

    Raises:
        ValueError: If a file is malformed, or two files annotate the same image.
    """
    image_by_stem = {stem_below(images, path): os.path.normpath(path) for path in image_files(images)}
    records: dict[str, AnnotatedImage] = {}
    unreadable: dict[str, str] = {}
    imageless = 0
    for file in with_progress(list(annotation_files(folder, ".xml")), "reading annotations"):
        annotation = parse_voc(file.read_bytes(), str(file))
        path = os.path.normpath(images / annotation.filename) if annotation.filename else ""
        if not os.path.isfile(path):
            path = image_by_stem.get(stem_below(folder, file), "")
        if not path:
            imageless += 1
            continue
        if path in records or path in unreadable:
            raise ValueError(f"{file} is not the only annotation of {path}")
        try:
            width, height = annotation.size or upright_size(path)
        except OSError as error:
            unreadable[path] = str(error)
        else:
            records[path] = AnnotatedImage(path, width, height, annotation.boxes)
    categories = sorted({box.category for record in records.values() for box in record.boxes})
    omissions = {UNANNOTATED: count_unannotated(images, {*records, *unreadable}), IMAGELESS: imageless}
    return Annotations(tuple(records.values()), tuple(categories), omissions, unreadable)


def parse_voc(content: bytes, source: str) -> VocAnnotation:
    """Parse one Pascal VOC annotation.

    VOC counts pixels from 1, and its `xmax` and `ymax` belong to the box. The flags `difficult`, `truncated` and
    `occluded` are kept. A document type is refused: annotations need none, and the entities that it declares can
    expand a small file to gigabytes.

    Args:
        content: The XML.
        source: Name of the file, for errors.

    Raises:
        ValueError: If the XML is malformed or refused, or a box is incomplete.

    Example:
        >>> box = "<xmin>1</xmin><ymin>3</ymin><xmax>10</xmax><ymax>4</ymax>"
        >>> text = f"<annotation><object><name>cat</name><bndbox>{box}</bndbox></object></annotation>"
        >>> parse_voc(text.encode(), "cat.xml").boxes
        (Box(left=0.0, top=2.0, right=10.0, bottom=4.0, category='cat', flags=frozenset()),)
    """
    root = _parse_xml(content, source)
    boxes = tuple(_box(entry, f"{source}: object {number}") for number, entry in enumerate(root.findall("object")))
    width, height = (root.findtext(f"size/{name}", "0").strip() for name in ("width", "height"))
    if not (width.isdecimal() and height.isdecimal()):
        raise ValueError(f"{source}: the size is {width!r} × {height!r}. Expected whole numbers of pixels")
    size = (int(width), int(height)) if int(width) and int(height) else None
    return VocAnnotation(root.findtext("filename", "").strip(), size, boxes)


def _box(entry: ET.Element, source: str) -> Box:
    try:
        corners = [float(entry.findtext(f"bndbox/{name}", "")) for name in ("xmin", "ymin", "xmax", "ymax")]
    except ValueError as error:
        raise ValueError(f"{source} has no bndbox of xmin, ymin, xmax and ymax: {error}") from error
    category = entry.findtext("name", "").strip()
    if not category or not all(map(math.isfinite, corners)):
        raise ValueError(f"{source} has the name {category!r} and the bndbox {corners}")
    left, top, right, bottom = corners
    flags = frozenset(name for name in _FLAGS if entry.findtext(name, "0").strip() == "1")
    return Box(left - 1, top - 1, right, bottom, category, flags)


def _parse_xml(content: bytes, source: str) -> ET.Element:
    builder = ET.TreeBuilder()
    parser = expat.ParserCreate()
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.data

    def refuse(*_: Any) -> None:
        raise ValueError(f"{source} declares a document type (<!DOCTYPE>), which is refused: remove it")

    parser.StartDoctypeDeclHandler = refuse  # called before any of it is read; entities are declared nowhere else
    try:
        parser.Parse(content, True)
    except (expat.ExpatError, LookupError, UnicodeError) as error:  # the latter two of the declared encoding
        raise ValueError(f"{source} is not XML: {error}") from error
    return builder.close()
