"""The reader of COCO's format: one JSON file for all images."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .annotations import AnnotatedImage, Annotations, Box
from .box_files import IMAGELESS, UNANNOTATED, count_unannotated

__all__ = ["read_coco"]

Entries = Mapping[int, Mapping[str, Any]]
"""The entries of one list of a COCO file, by id."""


def read_coco(images: Path, file: Path) -> Annotations:
    """Read a COCO file, `instances_*.json`: boxes as left, top, width and height in pixels.

    Segmentations are not read. Boxes with `iscrowd` have the flag "crowd".

    Args:
        images: Folder that the images' `file_name` is relative to.
        file: The JSON file.

    Raises:
        ValueError: If the file is malformed, has an id twice, or refers to an image or category that it does not list.
    """
    try:
        content = json.loads(file.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{file} is not JSON: {error}") from error
    image_entries = _entries(content, "images", {"file_name": str, "width": int, "height": int}, file)
    categories = _entries(content, "categories", {"name": str}, file)
    objects = _entries(content, "annotations", {"image_id": int, "category_id": int, "bbox": list}, file)
    boxes = _boxes_by_image(objects, image_entries, categories, file)
    records = [
        AnnotatedImage(os.path.normpath(images / entry["file_name"]), entry["width"], entry["height"], boxes[number])
        for number, entry in image_entries.items()
    ]
    paths = {record.path for record in records}
    if len(paths) < len(records):
        raise ValueError(f"{file} lists {len(records) - len(paths)} image files more than once")
    existing = tuple(record for record in records if os.path.isfile(record.path))
    omissions = {UNANNOTATED: count_unannotated(images, paths), IMAGELESS: len(records) - len(existing)}
    return Annotations(existing, tuple(dict.fromkeys(entry["name"] for entry in categories.values())), omissions)


def _entries(content: Any, name: str, fields: Mapping[str, type], file: Path) -> Entries:
    """Return the entries of one list of a COCO file, after checking that they have the fields."""
    entries = content.get(name) if isinstance(content, dict) else None
    if not isinstance(entries, list):
        raise ValueError(f"{file} has no list {name!r}. Expected COCO's instances: images, categories and annotations")
    by_id: dict[int, dict[str, Any]] = {}
    for number, entry in enumerate(entries):
        for key, kind in {"id": int, **fields}.items():
            if not isinstance(entry, dict) or not isinstance(entry.get(key), kind):
                raise ValueError(
                    f"{file}: entry {number} of {name!r} has no {key!r} that is a {kind.__name__}: {entry}"
                )
        if entry["id"] in by_id:
            raise ValueError(f"{file}: the id {entry['id']} stands twice in {name!r}")
        by_id[entry["id"]] = entry
    return by_id


def _boxes_by_image(objects: Entries, images: Entries, categories: Entries, file: Path) -> dict[int, tuple[Box, ...]]:
    boxes: dict[int, tuple[Box, ...]] = dict.fromkeys(images, ())
    for number, entry in objects.items():
        for key, known in (("image_id", images), ("category_id", categories)):
            if entry[key] not in known:
                raise ValueError(
                    f"{file}: annotation {number} has the {key} {entry[key]}, which the file does not list"
                )
        boxes[entry["image_id"]] += (_box(entry, categories[entry["category_id"]]["name"], file),)
    return boxes


def _box(entry: Mapping[str, Any], category: str, file: Path) -> Box:
    numbers = entry["bbox"]
    if len(numbers) != 4 or not all(isinstance(n, int | float) and math.isfinite(n) for n in numbers):
        raise ValueError(
            f"{file}: annotation {entry['id']} has the bbox {numbers}. Expected four numbers: left, top, width, height"
        )
    left, top, width, height = map(float, numbers)
    flags = frozenset({"crowd"} if entry.get("iscrowd") else ())
    return Box(left, top, left + width, top + height, category, flags)
