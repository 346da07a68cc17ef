"""Contact sheet of every method on a few images.

``python docs/contact_sheet.py --images FOLDER --model squeezenet1_0 --checkpoint FILE`` writes
``runs/contact_sheet.png``: for each method a row of the images with the heatmap of the predicted class. By default it
uses the pretrained SqueezeNet and the sample images in the folder of the environment variable CAMAUG_DATA.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

import torch
from rich.console import Console
from torch import Tensor, nn
from torchvision.transforms import v2
from torchvision.transforms.functional import to_pil_image

from camaug import Explainer, get_explainer, list_explainers
from camaug.images.denormalise import denormalise
from camaug.images.loading import load_image
from camaug.images.render import caption, colorize, grid, overlay
from camaug.training.create_classifier import create_classifier

DATA = Path(os.environ.get("CAMAUG_DATA", "../shared/data"))
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
WITHOUT_OVERLAY = ("feature-maps",)
# Settings of methods with thousands of queries, with as many as a sheet needs.
FEWER_QUERIES = {"ss-cam": {"samples": 1}, "is-cam": {"steps": 2}, "rise": {"masks": 1000}}
SIDE = 128


def main() -> None:
    """Draw the sheet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=Path, default=DATA / "imagenet_samples", help="folder of images")
    parser.add_argument("--count", type=int, default=4, help="number of images, spread over the folder")
    parser.add_argument("--model", default="squeezenet1_0", help="a timm or torchvision classifier of 1,000 classes")
    parser.add_argument(
        "--checkpoint", default=str(DATA / "squeezenet1_0_imagenet.safetensors"), help="weights of the classifier"
    )
    parser.add_argument("--methods", nargs="*", default=list_explainers(), help="names of the methods")
    parser.add_argument("--columns", type=int, default=3, help="columns of methods")
    parser.add_argument("--output", type=Path, default=Path("runs/contact_sheet.png"))
    arguments = parser.parse_args()

    model = create_classifier(arguments.model, 1000, pretrained=False, checkpoint=arguments.checkpoint).eval()
    inputs = load(sorted(arguments.images.glob("*.jpg")), arguments.count)
    images = denormalise(inputs, MEAN, STD)
    rows = [draw_row("images", images)]
    console = Console()
    for name in arguments.methods:
        explainer = get_explainer(name, **FEWER_QUERIES.get(name, {}))
        start = time.perf_counter()
        heatmaps = draw_heatmaps(explainer, model, inputs, images)
        seconds = time.perf_counter() - start
        console.print(f"{name:<22}{seconds:7.1f} s{'  not for this model' if heatmaps is None else ''}")
        if heatmaps is not None:
            rows.append(draw_row(name, heatmaps))
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    to_pil_image(grid(rows, columns=arguments.columns)).save(arguments.output)
    console.print(f"wrote {arguments.output}")


def load(paths: list[Path], count: int) -> Tensor:
    """Load images at even distances in the list, transformed for ImageNet classifiers, (count, 3, 224, 224)."""
    chosen = paths[:: max(1, len(paths) // count)][:count]
    prepare = v2.Compose(
        [
            v2.PILToTensor(),
            v2.Resize(256),
            v2.CenterCrop(224),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize(MEAN, STD),
        ]
    )
    return torch.stack([prepare(load_image(path)) for path in chosen])


def draw_heatmaps(explainer: Explainer, model: nn.Module, inputs: Tensor, images: Tensor) -> Tensor | None:
    """Draw a method's heatmaps (N, 3, H, W), or return None if the method does not fit the model."""
    try:
        maps = explainer(model, inputs).maps
    except ValueError as error:
        Console().print(f"[yellow]{error}[/]")
        return None
    return colorize(maps) if explainer.name in WITHOUT_OVERLAY else overlay(images, maps)


def draw_row(name: str, images: Tensor) -> Tensor:
    """Draw images side by side above a name."""
    small = v2.functional.resize(images, [SIDE, SIDE])
    return caption(torch.cat(list(small), dim=2), [name])


if __name__ == "__main__":
    main()
