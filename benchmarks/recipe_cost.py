"""Processor time that each recipe adds to a training step: ``python benchmarks/recipe_cost.py``.

One thread, float32, images of 224 pixels, Grad-CAM by the fast forward where its maps agree. The arms take turns, so
that other work on the machine affects all; the values are medians of the processor time, in plain steps.
"""

from __future__ import annotations

import statistics
import sys
import time
from dataclasses import replace
from pathlib import Path

import torch
import torch.nn.functional as F
import torchvision

# Python puts the folder of this file first, where coverage.py would hide the package of that name.
sys.path[0] = str(Path(__file__).parents[1])

from camaug import GroupCamTransform  # noqa: E402
from camaug.augmentation.recipe import Recipe  # noqa: E402
from camaug.augmentation.recipes import as_recipe  # noqa: E402
from camaug.augmentation.recipes.snapmix import SnapMix  # noqa: E402

RECIPES: dict[str, Recipe] = {
    "hide-salient": as_recipe("hide-salient"),
    "snapmix, every batch": replace(SnapMix(), probability=1.0),
    "salient-crop": as_recipe("salient-crop"),
    "paired": as_recipe("paired"),
}
NETWORKS = {"resnet18": 8, "squeezenet1_0": 16, "resnet50": 8}
ROUNDS = 5


def main() -> None:
    """Print a table with a row for each network."""
    torch.set_num_threads(1)
    print(f"| network | batch | {' | '.join(RECIPES)} |\n| --- | ---: {'| ---: ' * len(RECIPES)}|")
    for name, batch in NETWORKS.items():
        added = " | ".join(f"{value:.2f}" for value in added_steps(name, batch))
        print(f"| {name} | {batch} | {added} |", flush=True)


def added_steps(name: str, batch: int) -> list[float]:
    """Return the time that each recipe adds to a step, in plain steps."""
    torch.manual_seed(0)
    model = torchvision.models.get_model(name, num_classes=10).train()
    images, labels = torch.rand(batch, 3, 224, 224), torch.arange(batch) % 10
    optimizer = torch.optim.SGD(model.parameters(), 1e-4)
    transforms = [GroupCamTransform(model, recipe=each, share=each.usual_share) for each in RECIPES.values()]
    arms: list[GroupCamTransform | None] = [None, *transforms]
    seconds: list[list[float]] = [[] for _ in arms]
    for number in range(ROUNDS + 1):
        for transform, times in zip(arms, seconds, strict=True):
            torch.manual_seed(number)
            begun = time.process_time()
            changed, targets = (images, labels) if transform is None else transform(images, labels)
            optimizer.zero_grad()
            torch.autograd.backward(F.cross_entropy(model(changed), targets))
            optimizer.step()
            times.append(time.process_time() - begun)
    plain, *others = (statistics.median(times[1:]) for times in seconds)
    return [each / plain - 1 for each in others]


if __name__ == "__main__":
    main()
