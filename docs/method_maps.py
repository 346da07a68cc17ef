"""The image of docs/methods.md: six free photos explained by five methods: ``python docs/method_maps.py``.

Needs ``pip install scikit-image scikit-learn matplotlib``, which bring the photos, and the weights in ``CAMAUG_DATA``.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import torch
from torchvision.transforms.functional import to_pil_image

# Python puts the folder of this file first.
sys.path[0] = str(Path(__file__).parents[1])

from benchmarks.map_quality import METHODS  # noqa: E402
from benchmarks.pretrained import load_pretrained  # noqa: E402
from camaug.explainers import as_explainer  # noqa: E402
from camaug.images.class_names import class_label, known_class_names  # noqa: E402
from camaug.images.denormalise import denormalise  # noqa: E402
from camaug.images.loading import load_image  # noqa: E402
from camaug.images.render import caption, grid, overlay  # noqa: E402

PHOTOS = (
    ("skimage", "data/chelsea.png"),
    ("skimage", "data/coffee.png"),
    ("skimage", "data/rocket.jpg"),
    ("matplotlib", "mpl-data/sample_data/grace_hopper.jpg"),
    ("sklearn", "datasets/images/flower.jpg"),
    ("sklearn", "datasets/images/china.jpg"),
)
SHOWN = ("grad-cam", "layer-cam", "group-cam", "verified-cam", "verified-cam, two sizes")
OUTPUT = Path(__file__).parent / "images" / "methods.webp"


def main() -> None:
    """Draw a row for each method, below a row of the photos."""
    pretrained = load_pretrained("tf_efficientnet_lite0")
    paths = [Path(str(importlib.import_module(package).__file__)).parent / path for package, path in PHOTOS]
    images = torch.stack([pretrained.transform(load_image(path)) for path in paths])
    shown = denormalise(images, pretrained.mean, pretrained.std)
    classes = pretrained.model(images).argmax(dim=1)
    names = known_class_names(pretrained.model, 1000)
    tiles = [caption(photo, [class_label(names, index)]) for photo, index in zip(shown, classes.tolist(), strict=True)]
    for method in SHOWN:
        maps = as_explainer(METHODS[method])(pretrained.model, images, classes).maps
        tiles += [caption(tile, [method.removeprefix("verified-cam, ")]) for tile in overlay(shown, maps)]
    image = to_pil_image(grid(tiles, columns=len(PHOTOS)))
    image.thumbnail((1100, 1100))
    image.save(OUTPUT, quality=80, method=6)


if __name__ == "__main__":
    main()
