"""The README's image of photos in the course of a training run: ``python docs/photo_over_training.py``.

EfficientNet-Lite0 with ImageNet's weights gets a new head, and learns from crops of COCO's objects to tell animals,
dishes and vehicles apart. Two free photos of scikit-image, which it does not train on, are explained while it does.
Needs ``pip install 'camaug[pixels]'`` and the data in ``CAMAUG_DATA``.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import skimage
from PIL import Image

# Python puts the folder of this file first.
sys.path[0] = str(Path(__file__).parents[1])

from benchmarks.subjects import DATA  # noqa: E402

CLASSES = {
    "animal": ["bird", "cat", "dog", "horse", "sheep", "cow", "elephant", "bear", "zebra", "giraffe"],
    "dish": ["bottle", "wine glass", "cup", "bowl", "fork", "knife", "spoon"],
    "vehicle": ["bicycle", "car", "motorcycle", "airplane", "bus", "train", "truck", "boat"],
}
PHOTOS = {"animal": "chelsea.png", "dish": "coffee.png"}
SMALLEST_SIDE = 48  # pixels of a box
MARGIN = 0.3  # of the box's side, on each side
OUTPUT = Path(__file__).parent / "images" / "photo_over_training.webp"


def main() -> None:
    """Train, and draw the snapshots side by side."""
    with tempfile.TemporaryDirectory() as folder:
        write_crops(Path(folder) / "photos/train")
        write_photos(Path(folder) / "photos/val")
        run = Path(folder) / "run"
        command = [
            sys.executable, "-m", "camaug", "fit", "--config", "configs/finetune.yaml",
            f"--data.root={folder}/photos", "--data.batch_size=16", "--data.num_workers=0", "--data.image_size=160",
            "--model.name=tf_efficientnet_lite0", "--model.pretrained=false",
            f"--model.checkpoint={DATA / 'tf_efficientnet_lite0_imagenet.safetensors'}",
            "--model.optimizer=adamw", "--model.lr=3e-4", "--model.head_lr=3e-3", "--model.label_smoothing=0",
            "--augmentation.share=0",
            "--cam.explainer=grad-cam", "--cam.num_images=2", "--cam.every_n_steps=2", "--trainer.max_epochs=6",
            f"--trainer.logger.init_args.save_dir={run}",
        ]  # fmt: skip
        subprocess.run(command, check=True, cwd=Path(__file__).parents[1])
        still = Path(folder) / "still.png"
        film = ["film", str(run / "finetune/version_0"), "--image", "0", "1", "--still", "6", "--output", str(still)]
        subprocess.run([sys.executable, "-m", "camaug", *film], check=True)
        Image.open(still).save(OUTPUT, quality=75, method=6)


def write_crops(folder: Path) -> None:
    """Write a crop of each large enough object to the folder of its class."""
    names = (DATA / "coco_classes.txt").read_text(encoding="utf-8").split("\n")
    class_of = {name: title for title, members in CLASSES.items() for name in members}
    for path in sorted((DATA / "coco128/images").iterdir()):
        boxes = DATA / "coco128/labels" / f"{path.stem}.txt"
        for number, line in enumerate(boxes.read_text().splitlines() if boxes.is_file() else ()):
            index, x, y, width, height = (float(value) for value in line.split())
            title = class_of.get(names[int(index)])
            image = Image.open(path).convert("RGB")
            w, h = width * image.width, height * image.height
            if title is None or min(w, h) < SMALLEST_SIDE:
                continue
            side = max(w, h) * (1 + 2 * MARGIN) / 2
            centre = x * image.width, y * image.height
            box = [centre[0] - side, centre[1] - side, centre[0] + side, centre[1] + side]
            (folder / title).mkdir(parents=True, exist_ok=True)
            crop = [max(box[0], 0), max(box[1], 0), min(box[2], image.width), min(box[3], image.height)]
            image.crop([round(value) for value in crop]).save(folder / title / f"{path.stem}_{number}.jpg")


def write_photos(folder: Path) -> None:
    """Write the photos that are explained. Both folders need the same classes."""
    source = Path(str(skimage.__file__)).parent / "data"
    for title in CLASSES:
        (folder / title).mkdir(parents=True)
    for title, name in PHOTOS.items():
        shutil.copy(source / name, folder / title)


if __name__ == "__main__":
    main()
