"""Growth of the cost with the batch, the image size, the groups G and the layer's channels K.

Every row is measured beside the forward of its own batch and size; against the batch the fast way too, whose chunks of
queries do not depend on it. Group-CAM asks 1 + G queries and the baseline's and does not depend on K; Score-CAM asks
one for each channel.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from functools import partial

from torch import nn

from benchmarks.options import Options
from benchmarks.peers import targets_of
from benchmarks.subjects import layers_by_channels, make_images, make_model
from benchmarks.timing import FORWARD, forward_pass, medians
from camaug import Explainer, FastForward, get_explainer
from camaug.augmentation.augmentation_explainer import augmentation_explainer
from camaug.experiments.counting_forward import CountingForward
from camaug.experiments.table import Cell, Table

__all__ = ["measure"]

BATCHES, SIZES, GROUPS = (1, 4, 16, 32), (128, 224, 320), (4, 8, 16, 32, 64)
QUICK = {"batches": (1, 2), "sizes": (48, 64), "groups": (2, 4)}


def measure(options: Options) -> list[Table]:
    """Return one table with a row for each point."""
    model, _ = make_model(options)
    quick = options.quick
    paper = augmentation_explainer()
    rows = []
    for size in QUICK["batches"] if quick else BATCHES:
        rows += _rows(model, dataclasses.replace(options, batch_size=size), "batch size N", [(size, paper)], fast=True)
    for size in QUICK["sizes"] if quick else SIZES:
        rows += _rows(model, dataclasses.replace(options, image_size=size), "image size, px", [(size, paper)])
    groups = [(count, dataclasses.replace(paper, groups=count)) for count in (QUICK["groups"] if quick else GROUPS)]
    rows += _rows(model, options, "groups G", groups)
    layers = layers_by_channels(model, make_images(options, 1))
    spread = [layers[index] for index in sorted({0, len(layers) // 2, len(layers) - 1})]
    rows += _rows(model, options, "channels K", [(k, dataclasses.replace(paper, layer=n)) for n, k in spread])
    # Two points of the other method, the cheapest, tell its slope; all would take an hour.
    few = [(k, get_explainer("score-cam", layer=name)) for name, k in layers[: 1 if quick else 2]]
    rows += _rows(model, options, "channels K", few)
    formats = {
        "queries an image": "{:.4g}",
        "ms an image": "{:.1f}",
        "forwards": "{:.2f}",
        "forwards a query": "{:.2f}",
    }
    return [Table(f"scaling, {options.described}", COLUMNS, rows, formats)]


COLUMNS = ("method", "what varies", "value", "queries an image", "ms an image", "forwards", "forwards a query")


def _rows(
    model: nn.Module, options: Options, varied: str, points: Sequence[tuple[int, Explainer]], *, fast: bool = False
) -> list[list[Cell]]:
    images = make_images(options)
    targets = targets_of(model, images)
    ways = {"": None, **({", fast": FastForward(model)} if fast else {})}
    work = {FORWARD: forward_pass(model, images)}
    work |= {
        f"{index}{way}": partial(explainer, model, images, targets, forward=forward)
        for index, (_, explainer) in enumerate(points)
        for way, forward in ways.items()
    }
    seconds = medians(work, options.device, rounds=options.rounds, clock=options.clock)
    unit = seconds[FORWARD]
    rows: list[list[Cell]] = []
    for index, (value, explainer) in enumerate(points):
        counting = CountingForward(model)
        explainer(model, images, targets, forward=counting)
        queries = counting.images / len(images)
        for way in ways:
            time = seconds[f"{index}{way}"]
            cost = time / unit
            each = [queries, 1000 * time / len(images), cost, cost / queries]
            rows.append([f"{explainer.name}{way}", varied, value, *each])
    return rows
