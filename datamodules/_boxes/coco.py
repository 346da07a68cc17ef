"""Reading boxes in COCO's format, one JSON file, by the standard library alone."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

from .box_files import IMAGELESS, UNANNOTATED, count_unannotated
from .box_records import AnnotatedImage, Annotations, Box

__all__ = ["read_coco"]


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
    omissions = {UNANNOTATED: count_unannotated(images, paths), IMAGELESS: len(records) - len(there)}
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
