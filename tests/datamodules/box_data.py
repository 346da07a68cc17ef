"""Generated images with boxes, and the same annotations of them in three formats."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from PIL import Image

CATEGORIES = ("dog", "cat", "bird")
COLOURS = {"dog": (255, 0, 0), "cat": (0, 255, 0), "bird": (0, 0, 255)}
FOLDERS = {"coco": "instances.json", "voc": "Annotations", "yolo": "labels"}


class Thing(NamedTuple):
    """A rectangle of its category's colour; right and bottom exclusive."""

    category: str
    left: int
    top: int
    right: int
    bottom: int


class Scene(NamedTuple):
    width: int
    height: int
    things: Sequence[Thing]


# No edge falls on the middle of a pixel where the tests make the images smaller or larger.
SCENES: Mapping[str, Scene] = {
    "a": Scene(60, 40, [Thing("dog", 13, 5, 35, 23), Thing("cat", 40, 21, 55, 33)]),
    "b": Scene(36, 50, [Thing("cat", 0, 0, 12, 50)]),
    "sub/c": Scene(48, 48, [Thing("bird", 2, 4, 14, 16), Thing("dog", 22, 22, 48, 48), Thing("bird", 30, 2, 42, 10)]),
}


def draw(root: Path, scenes: Mapping[str, Scene] = SCENES) -> Path:
    """Draw the scenes under `root/images`."""
    for name, scene in scenes.items():
        image = Image.new("RGB", (scene.width, scene.height))
        for thing in scene.things:
            image.paste(COLOURS[thing.category], tuple(thing[1:]))
        path = root / "images" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        image.save(path)
    return root / "images"


def coco(scenes: Mapping[str, Scene] = SCENES) -> dict:
    """The scenes in COCO's format, with ids that have gaps, as COCO's own have."""
    things = [(10 * number, thing) for number, scene in enumerate(scenes.values()) for thing in scene.things]
    return {
        "images": [
            {"id": 10 * number, "file_name": f"{name}.png", "width": scene.width, "height": scene.height}
            for number, (name, scene) in enumerate(scenes.items())
        ],
        "categories": [{"id": 7 + 2 * number, "name": name} for number, name in enumerate(CATEGORIES)],
        "annotations": [
            {
                "id": number,
                "image_id": image,
                "category_id": 7 + 2 * CATEGORIES.index(thing.category),
                "bbox": [thing.left, thing.top, thing.right - thing.left, thing.bottom - thing.top],
                "iscrowd": 0,
            }
            for number, (image, thing) in enumerate(things)
        ],
    }


def voc(name: str, scene: Scene) -> str:
    things = "".join(
        f"<object><name>{t.category}</name><difficult>0</difficult><bndbox><xmin>{t.left + 1}</xmin>"
        f"<ymin>{t.top + 1}</ymin><xmax>{t.right}</xmax><ymax>{t.bottom}</ymax></bndbox></object>"
        for t in scene.things
    )
    size = f"<size><width>{scene.width}</width><height>{scene.height}</height><depth>3</depth></size>"
    return f'<?xml version="1.0"?><annotation><filename>{name}.png</filename>{size}{things}</annotation>'


def yolo(scene: Scene) -> str:
    return "".join(
        f"{CATEGORIES.index(t.category)} {(t.left + t.right) / 2 / scene.width:.8f} "
        f"{(t.top + t.bottom) / 2 / scene.height:.8f} {(t.right - t.left) / scene.width:.8f} "
        f"{(t.bottom - t.top) / scene.height:.8f}\n"
        for t in scene.things
    )


def annotate(root: Path, format_: str, scenes: Mapping[str, Scene] = SCENES) -> Path:
    """Write the scenes' annotations in a format."""
    where = root / FOLDERS[format_]
    if format_ == "coco":
        where.write_text(json.dumps(coco(scenes)))
        return where
    for name, scene in scenes.items():
        path = where / f"{name}.{'xml' if format_ == 'voc' else 'txt'}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(voc(name, scene) if format_ == "voc" else yolo(scene))
    return where
