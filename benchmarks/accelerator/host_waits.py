"""Synchronisations of the host with a GPU in one call of the transform, from the fourth call on."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path

import torch
import torchvision

from benchmarks.accelerator.section import Section, Sizes, attempt
from benchmarks.accelerator.training import CLASSES
from camaug import GroupCamTransform
from camaug.augmentation.recipes import list_recipes
from camaug.experiments.table import Cell

__all__ = ["HOST_WAITS"]


def _rows(sizes: Sizes) -> Iterator[list[Cell]]:
    net = torchvision.models.resnet18(num_classes=CLASSES).to(sizes.device)
    images = torch.rand(8, 3, 112, 112, device=sizes.device)
    labels = torch.arange(8, device=sizes.device)
    for recipe in list_recipes():
        transform = GroupCamTransform(net, recipe=recipe, share=0.5)
        yield [recipe, *attempt(lambda: _count(transform, images, labels), columns=2)]  # noqa: B023


def _count(transform: GroupCamTransform, images: torch.Tensor, labels: torch.Tensor) -> list[Cell]:
    for _ in range(3):
        transform(images, labels)
    torch.cuda.set_sync_debug_mode("warn")
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            transform(images, labels)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    waits = [f"{Path(each.filename).name}:{each.lineno}" for each in caught if "synchroniz" in str(each.message)]
    return [len(waits), ", ".join(waits)]


HOST_WAITS = Section("host waits per call", ("recipe", "waits", "lines", "error"), _rows, budget=15, only_cuda=True)
