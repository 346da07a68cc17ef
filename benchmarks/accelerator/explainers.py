"""Maps of every method on the device, compared with those of the CPU, and images per second."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.accelerator.section import Section, Sizes, attempt
from benchmarks.accelerator.training import CLASSES, make_network
from camaug import get_explainer, list_explainers
from camaug.experiments.table import Cell
from camaug.functional.rank_correlation import rank_correlation
from camaug.utils.preserved_random_state import accelerator_random_state
from camaug.utils.timing import now

__all__ = ["EXPLAINERS"]

FEW_QUERIES: dict[str, dict[str, Any]] = {
    "group-cam": {"groups": 8},
    "integrated-gradients": {"steps": 8},
    "is-cam": {"steps": 2},
    "noise-smooth": {"samples": 2},
    "rise": {"masks": 64, "cells": 4},
    "smooth-grad": {"samples": 3},
    "smooth-grad-cam++": {"samples": 2},
    "ss-cam": {"samples": 2},
    "xrai": {"steps": 4, "smallest": 4, "scales": (10, 50)},
}
TRANSFORMERS = ("legrad",)
MANY_QUERIES = ("is-cam", "score-cam", "ss-cam", "xrai")


def _rows(sizes: Sizes) -> Iterator[list[Cell]]:
    torch.manual_seed(0)
    import timm

    convolutional = make_network(sizes, "resnet18").eval()
    transformer = timm.create_model("vit_tiny_patch16_224", num_classes=CLASSES).eval()
    for name in list_explainers():
        model = transformer if name in TRANSFORMERS else convolutional
        side = 224 if name in TRANSFORMERS else min(sizes.side, 112)
        count = 2 if name in (*TRANSFORMERS, *MANY_QUERIES) else min(sizes.batch, 8)
        images = torch.rand(count, 3, side, side)
        yield [name, *attempt(lambda: _compare(name, model, images, sizes.device), columns=5)]  # noqa: B023


def _compare(name: str, model: nn.Module, images: Tensor, device: torch.device) -> list[Cell]:
    explainer, targets = get_explainer(name, **FEW_QUERIES.get(name, {})), torch.arange(len(images))
    expected = explainer(model, images, targets).maps
    moved, inputs = copy.deepcopy(model).to(device), images.to(device)
    cpu_state, state = torch.get_rng_state(), accelerator_random_state()
    maps = explainer(moved, inputs, targets.to(device)).maps
    is_untouched = torch.equal(cpu_state, torch.get_rng_state()) and torch.equal(state, accelerator_random_state())
    start = now(device)
    explainer(moved, inputs, targets.to(device))
    explained = now(device)
    with torch.no_grad():
        moved(inputs)
    forward = now(device) - explained
    difference = float((maps.cpu() - expected).abs().max())
    correlation = float(rank_correlation(maps.cpu(), expected).mean())
    seconds = explained - start
    return [difference, correlation, len(images) / seconds, seconds / forward, "same" if is_untouched else "CHANGED"]


EXPLAINERS = Section(
    "explainers",
    ("method", "largest difference", "rank correlation", "images/s", "forwards", "random numbers", "error"),
    _rows,
    budget=75,
    formats={
        "largest difference": "{:.4f}",
        "rank correlation": "{:.4f}",
        "images/s": "{:.0f}",
        "forwards": "{:.1f}",
    },
)
