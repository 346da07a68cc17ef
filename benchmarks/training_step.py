"""Cost that augmentation adds to a training step.

A step is forward, cross entropy, backward and SGD's update of the whole batch, in training mode; with augmentation,
the transform of the batch before it. Once with the step in float32, contiguous, and once in bfloat16 autocast with
weights and images channels-last, the usual way to train fast, where the explanation runs in the same autocast. *Steps*
are multiples of the plain step in the same precision, *of float32* multiples of the plain step in float32. *From the
bank* reads its maps, so that only the masks and the blur remain. The recipes have the callback's defaults: Grad-CAM,
half of the images or, in snapmix, all of every batch. MixUp and CutMix are torchvision's.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.transforms import v2

from benchmarks.options import Options
from benchmarks.settings import from_maps, half_resolution, recipe, transform
from benchmarks.subjects import make_images, make_model
from benchmarks.timing import FORWARD, forward_pass, medians
from camaug.experiments.table import Cell, Table

__all__ = ["measure"]

CLASSES = 1000
PLAIN = "plain step"
PRECISIONS = ("float32", "bfloat16")
Augment = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]


def measure(options: Options) -> list[Table]:
    """Return one table with a row for each precision and setting."""
    model, _ = make_model(options)
    images = make_images(options)
    work: dict[str, Callable[[], object]] = {FORWARD: forward_pass(copy.deepcopy(model), images)}
    names: dict[str, tuple[str, str]] = {}
    for precision in PRECISIONS:
        trained = copy.deepcopy(model).train()
        for name, step in _steps(trained, images, precision).items():
            names[f"{precision} {name}"] = (precision, name)
            work[f"{precision} {name}"] = step
    seconds = medians(work, options.device, rounds=options.rounds, clock=options.clock)
    unit, base = seconds[FORWARD], seconds[f"{PRECISIONS[0]} {PLAIN}"]
    rows: list[list[Cell]] = [[FORWARD, "float32", 1000 * unit, None, None, unit / base]]
    for key, (precision, name) in names.items():
        plain = seconds[f"{precision} {PLAIN}"]
        time = seconds[key]
        rows.append([name, precision, 1000 * time, time / plain, (time - plain) / plain, time / base])
    formats = {"ms": "{:.1f}", "steps": "{:.2f}", "steps added": "{:+.2f}", "of float32": "{:.2f}"}
    return [Table(f"training step, {options.described}", COLUMNS, rows, formats)]


COLUMNS = ("setting", "precision", "ms", "steps", "steps added", "of float32")


def _steps(model: nn.Module, images: Tensor, precision: str) -> dict[str, Callable[[], object]]:
    """Return one training step with each augmentation, by its name."""
    low = precision == "bfloat16"
    if low:
        model.to(memory_format=torch.channels_last)
        images = images.contiguous(memory_format=torch.channels_last)
    labels = torch.arange(len(images), device=images.device) % CLASSES
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-5)

    def step(augment: Augment) -> None:
        with torch.autocast(images.device.type, dtype=torch.bfloat16, enabled=low):
            inputs, targets = augment(images, labels)
            loss = F.cross_entropy(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return {name: partial(step, augment) for name, augment in _augmentations(model, images).items()}


def _augmentations(model: nn.Module, images: Tensor) -> dict[str, Augment]:
    exact = transform(model)
    maps = torch.rand(len(images), *images.shape[2:], device=images.device)
    return {
        PLAIN: lambda inputs, labels: (inputs, labels),
        "MixUp": v2.MixUp(num_classes=CLASSES),
        "CutMix": v2.CutMix(num_classes=CLASSES),
        "Group-CAM, exact": exact,
        "Group-CAM, fast": transform(model, fast=True),
        "Group-CAM, fast, half-resolution queries": transform(model, half_resolution(), fast=True),
        "Group-CAM, fast, share 0.5": transform(model, fast=True, share=0.5),
        "Group-CAM, from the bank": lambda inputs, labels: from_maps(exact, inputs, labels, maps),
        "Grad-CAM": transform(model, "grad-cam"),
        **{f"recipe {name}": recipe(model, name) for name in ("hide-salient", "paired", "snapmix")},
    }
