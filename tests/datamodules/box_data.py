"""Generated images with boxes, and the same annotations in three formats."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from camaug.datamodules import BoxesDataModule

CATEGORIES = ("dog", "cat", "bird")
COLOURS = {"dog": (255, 0, 0), "cat": (0, 255, 0), "bird": (0, 0, 255)}
FOLDERS = {"coco": "instances.json", "voc": "Annotations", "yolo": "labels"}
FORMATS = tuple(FOLDERS)
PLAIN_SETTINGS = {"mean": (0.0, 0.0, 0.0), "std": (1.0, 1.0, 1.0), "num_workers": 0, "batch_size": 2, "image_size": 24}


class Thing(NamedTuple):
    """A rectangle of its category's colour, with right and bottom exclusive."""

    category: str
    left: int
    top: int
    right: int
    bottom: int


class Scene(NamedTuple):
    """Size and things of one image."""

    width: int
    height: int
    things: Sequence[Thing]


# No edge falls on the centre of a pixel when the tests resize the images.
SCENES: Mapping[str, Scene] = {
    "a": Scene(60, 40, [Thing("dog", 13, 5, 35, 23), Thing("cat", 40, 21, 55, 33)]),
    "b": Scene(36, 50, [Thing("cat", 0, 0, 12, 50)]),
    "sub/c": Scene(48, 48, [Thing("bird", 2, 4, 14, 16), Thing("dog", 22, 22, 48, 48), Thing("bird", 30, 2, 42, 10)]),
}


def draw(root: Path, scenes: Mapping[str, Scene] = SCENES) -> Path:
    """Draw the scenes in `root/images` and return that folder."""
    for name, scene in scenes.items():
        image = Image.new("RGB", (scene.width, scene.height))
        for thing in scene.things:
            image.paste(COLOURS[thing.category], tuple(thing[1:]))
        path = root / "images" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        image.save(path)
    return root / "images"


def coco(scenes: Mapping[str, Scene] = SCENES) -> dict:
    """Return the scenes in COCO's format, with gaps between the ids, as in COCO's own files."""
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
    """Return a scene in VOC's format."""
    things = "".join(
        f"<object><name>{t.category}</name><difficult>0</difficult><bndbox><xmin>{t.left + 1}</xmin>"
        f"<ymin>{t.top + 1}</ymin><xmax>{t.right}</xmax><ymax>{t.bottom}</ymax></bndbox></object>"
        for t in scene.things
    )
    size = f"<size><width>{scene.width}</width><height>{scene.height}</height><depth>3</depth></size>"
    return f'<?xml version="1.0"?><annotation><filename>{name}.png</filename>{size}{things}</annotation>'


def yolo(scene: Scene) -> str:
    """Return a scene in YOLO's format."""
    return "".join(
        f"{CATEGORIES.index(t.category)} {(t.left + t.right) / 2 / scene.width:.8f} "
        f"{(t.top + t.bottom) / 2 / scene.height:.8f} {(t.right - t.left) / scene.width:.8f} "
        f"{(t.bottom - t.top) / scene.height:.8f}\n"
        for t in scene.things
    )


def annotate(root: Path, format_: str, scenes: Mapping[str, Scene] = SCENES) -> Path:
    """Write the scenes' annotations in a format and return their file or folder."""
    target = root / FOLDERS[format_]
    if format_ == "coco":
        target.write_text(json.dumps(coco(scenes)))
        return target
    for name, scene in scenes.items():
        path = target / f"{name}.{'xml' if format_ == 'voc' else 'txt'}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(voc(name, scene) if format_ == "voc" else yolo(scene))
    return target


def boxes_module(root: Path, format_: str = "coco", **settings) -> BoxesDataModule:
    """Return a data module of the images and annotations under `root`, with images in [0, 1]."""
    names = {"names": list(CATEGORIES)} if format_ == "yolo" else {}
    return BoxesDataModule(
        str(root / "images"), str(root / FOLDERS[format_]), **{**PLAIN_SETTINGS, **names, **settings}
    )


def draw_module(root: Path, scenes: Mapping[str, Scene] = SCENES, format_: str = "coco", **settings) -> BoxesDataModule:
    """Draw and annotate the scenes, and return their data module."""
    draw(root, scenes)
    annotate(root, format_, scenes)
    return boxes_module(root, format_, **settings)


def omission_counts(data: BoxesDataModule) -> dict[str, int]:
    """Return the number of everything that the data module leaves out, by reason."""
    data.boxes_dataset()
    return {reason: count for reason, count in data.omissions.items() if count}


def edit_coco(root: Path, change: Callable[[dict], object]) -> None:
    """Change the content of the scenes' COCO file."""
    content = coco()
    change(content)
    (root / "instances.json").write_text(json.dumps(content))
