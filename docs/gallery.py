"""The images of docs/gallery.md: every method on two free photos: ``python docs/gallery.py [SECTION ...]``.

Needs ``pip install 'camaug[pixels]'``, which brings the photos with scikit-image, and the weights in ``CAMAUG_DATA``.
"""

from __future__ import annotations

import sys
from pathlib import Path

import skimage
import torch
from torch import Tensor
from torchvision.transforms.functional import to_pil_image

# Python puts the folder of this file first.
sys.path[0] = str(Path(__file__).parents[1])

from benchmarks.pretrained import Pretrained, load_pretrained  # noqa: E402
from camaug.explainers import explainer_class, get_explainer, list_explainers  # noqa: E402
from camaug.images.class_names import class_label, known_class_names  # noqa: E402
from camaug.images.denormalise import denormalise  # noqa: E402
from camaug.images.loading import load_image  # noqa: E402
from camaug.images.render import caption, colorize, grid, overlay  # noqa: E402

PHOTOS = ("chelsea.png", "coffee.png")
SECTIONS = ("layer", "queries", "pixels", "wrappers")  # no transformer's weights are at hand for the last one
NETWORK = "tf_efficientnet_lite0"
WITH_RELU = "squeezenet1_0"  # for methods that change the backward pass of nn.ReLU
# Settings of methods with thousands of queries, with as many as an image needs.
FEWER_QUERIES = {"ss-cam": {"samples": 1}, "is-cam": {"steps": 2}, "rise": {"masks": 1000}}
WITHOUT_OVERLAY = ("feature-maps",)
COLUMNS = 3
OUTPUT = Path(__file__).parent / "images"


def main(sections: list[str]) -> None:
    """Draw one image for each section of methods."""
    for section in sections or SECTIONS:
        names = [name for name in list_explainers() if explainer_class(name).info.section == section]
        image = to_pil_image(grid([draw(name) for name in names], columns=min(COLUMNS, len(names))))
        image.thumbnail((1344, 2688))
        image.save(OUTPUT / f"gallery_{section}.webp", quality=75, method=6)


def draw(name: str) -> Tensor:
    """Draw a method's heatmaps of the predicted classes side by side under the method's name, (3, h, w)."""
    pretrained = load_pretrained(WITH_RELU if "nn.ReLU" in explainer_class(name).info.needs else NETWORK)
    images = photos(pretrained)
    shown = denormalise(images, pretrained.mean, pretrained.std)
    maps = get_explainer(name, **FEWER_QUERIES.get(name, {}))(pretrained.model, images).maps
    tiles = colorize(maps) if name in WITHOUT_OVERLAY else overlay(shown, maps)
    print(name, flush=True)
    return caption(torch.cat(list(tiles), dim=2), [name])


def photos(pretrained: Pretrained) -> Tensor:
    """Load the photos as the network takes them, (N, 3, H, W)."""
    folder = Path(str(skimage.__file__)).parent / "data"
    images = torch.stack([pretrained.transform(load_image(folder / name)) for name in PHOTOS])
    names = known_class_names(pretrained.model, 1000)
    print([class_label(names, index) for index in pretrained.model(images).argmax(dim=1).tolist()], flush=True)
    return images


if __name__ == "__main__":
    main(sys.argv[1:])
