"""Accuracy of predictions from two views of each image: ``python benchmarks/zoom.py``.

An EfficientNet-Lite0 with ImageNet weights is fine-tuned on the clothing photos at 128 pixels with AdamW. The settings
of the salient crop are those with the highest accuracy on the validation photos. With them every view predicts the test
photos, once. ``CAMAUG_DATA`` (by default ``../shared/data``) has the folder ``clothing`` and the weights.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from dataclasses import replace
from pathlib import Path
from typing import get_args

import timm
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor, nn
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2

# Python puts the folder of this file first, where coverage.py would hide the package of that name.
sys.path[0] = str(Path(__file__).parents[1])

from benchmarks.subjects import DATA  # noqa: E402
from camaug.augmentation.zoom import View, Zoom  # noqa: E402
from camaug.augmentation.zoom_price import describe_zoom  # noqa: E402
from camaug.experiments.mean_interval import paired_interval  # noqa: E402

Photos = tuple[Tensor, Tensor]
"""Pixels (N, 3, 144, 144), uint8, and class indices (N,)."""

WEIGHTS = DATA / "tf_efficientnet_lite0_imagenet.safetensors"
SIDE, CROP = 144, 128
LEARNING_RATE, BATCH = 1e-3, 32
THRESHOLDS = (0.3, 0.5, 0.7)
MIN_SIDES = (0.5, 0.7, 0.85)


def main(arguments: list[str] | None = None) -> None:
    """Train a classifier, choose the settings on the validation photos, and print the results on the test photos."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    torch.manual_seed(options.seed)
    model = train(load_photos("train"), options.epochs)

    photos = load_photos("val")
    plain = is_correct(model, photos, None)
    print(f"seed {options.seed}, {options.epochs} epochs\nval: plain {plain.mean():.1%} of {len(plain)}")
    accuracies = {zoom: is_correct(model, photos, zoom).mean().item() for zoom in candidates()}
    for zoom, accuracy in accuracies.items():
        print(f"val: threshold {zoom.threshold}, min_side {zoom.min_side}: {accuracy:.1%}", flush=True)
    chosen = max(accuracies, key=lambda zoom: accuracies[zoom])
    print(f"chosen: threshold {chosen.threshold}, min_side {chosen.min_side}")
    print_table("val", model, photos, chosen)
    print_table("test", model, load_photos("test"), chosen)
    for view in get_args(View):
        print(f"{view}: {describe_zoom(replace(chosen, view=view), model, to_input(photos[0][:8]))}")


def candidates() -> list[Zoom]:
    """Return the settings of the salient crop to choose from."""
    return [Zoom(threshold=each, min_side=side) for each, side in itertools.product(THRESHOLDS, MIN_SIDES)]


def load_photos(split: str) -> Photos:
    """Load a split of the clothing photos."""
    folder = ImageFolder(str(DATA / "clothing" / split))
    shrink = v2.Compose([v2.PILToTensor(), v2.Resize(SIDE, antialias=True), v2.CenterCrop(SIDE)])
    return torch.stack([shrink(image.convert("RGB")) for image, _ in folder]), torch.tensor(folder.targets)


def to_input(pixels: Tensor) -> Tensor:
    """Return the middle of photos as the model expects it."""
    start = (SIDE - CROP) // 2
    return normalised(pixels[:, :, start : start + CROP, start : start + CROP])


def normalised(pixels: Tensor) -> Tensor:
    """Return pixels with mean and standard deviation 0.5."""
    return pixels.float() / 127.5 - 1


def train(photos: Photos, epochs: int) -> nn.Module:
    """Return the classifier, fine-tuned on random crops, half of them mirrored."""
    images, labels = photos
    model = timm.create_model("tf_efficientnet_lite0", num_classes=int(labels.max()) + 1)
    weights = {name: value for name, value in load_file(WEIGHTS).items() if not name.startswith("classifier")}
    model.load_state_dict(weights, strict=False)
    augment = v2.Compose([v2.RandomCrop(CROP), v2.RandomHorizontalFlip()])
    optimizer = torch.optim.AdamW(model.parameters(), LEARNING_RATE)
    steps = epochs * (len(images) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, total_steps=steps)
    for _ in range(epochs):
        for index in torch.randperm(len(images))[: steps // epochs * BATCH].split(BATCH):
            inputs = normalised(torch.stack([augment(image) for image in images[index]]))
            loss = F.cross_entropy(model(inputs), labels[index], label_smoothing=0.1)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return model.eval()


@torch.no_grad()
def is_correct(model: nn.Module, photos: Photos, zoom: Zoom | None) -> Tensor:
    """Return 1 for each photo that is predicted correctly and 0 for the others, (N,)."""
    logits = []
    for pixels in photos[0].split(64):
        images = to_input(pixels)
        logits.append(model(images) if zoom is None else zoom(model, images))
    return (torch.cat(logits).argmax(dim=1) == photos[1]).double()


def print_table(split: str, model: nn.Module, photos: Photos, chosen: Zoom) -> None:
    """Print the accuracy of each view, and its difference from the image alone in points, with 95 % intervals."""
    plain = is_correct(model, photos, None)
    print(f"\n| {split}, {len(plain)} photos | accuracy | difference from the image alone |\n| --- | ---: | ---: |")
    print(f"| image alone | {plain.mean():.1%} | |")
    correct = {view: is_correct(model, photos, replace(chosen, view=view)) for view in get_args(View)}
    for view, each in correct.items():
        print(f"| {view} | {each.mean():.1%} | {difference(each, plain)} |")
    print(
        "",
        *(
            f"salient − {view}: {difference(correct['salient'], correct[view])}"
            for view in correct
            if view != "salient"
        ),
        sep="\n",
    )


def difference(first: Tensor, second: Tensor) -> str:
    """Return the mean difference in points with its interval over the photos."""
    interval = paired_interval(100 * first, 100 * second)
    bounds = "" if interval.low is None else f" [{interval.low:+.1f}, {interval.high:+.1f}]"
    return f"{interval.value:+.1f}{bounds}"


if __name__ == "__main__":
    main()
