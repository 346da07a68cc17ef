"""Agreement of the maps of cheaper settings with the reference maps, and their cost.

The reference is the paper's Group-CAM for augmentation (16 groups, without weights) in plain float32 at full
resolution. Each setting explains the same images for the same classes. *Rank correlation* is Spearman's over all
pixels of the map; *mask overlap* the intersection over union of the binary masks that the augmentation uses. Both are
means over the images, with the lowest tenth beside them. *Other image* compares each image's own map with the next
image's map, for what maps of different images have in common. The cost is measured on one batch, in forwards of
that batch.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

from benchmarks.options import Options
from benchmarks.settings import half_resolution
from benchmarks.subjects import make_images, make_model, real_images
from benchmarks.timing import FORWARD, forward_pass, medians
from camaug import FastForward, GradCAM
from camaug.augmentation.augmentation_explainer import augmentation_explainer
from camaug.experiments.table import Cell, Table
from camaug.functional.masks import map_iou
from camaug.metrics import rank_correlation

__all__ = ["REFERENCE", "measure"]

REFERENCE = "plain"
Explain = Callable[[Tensor, Tensor], Tensor]
"""Function from images (N, 3, H, W) and classes (N,) to maps (N, H, W)."""


def measure(options: Options) -> list[Table]:
    """Return one table with a row for each setting."""
    model, trained = make_model(options)
    samples = real_images(options, 8 if options.quick else 100)
    images, labels = samples or _noise(options)
    settings = _settings(model)
    batch = images[: options.batch_size], labels[: options.batch_size]
    work = {FORWARD: forward_pass(model, batch[0]), **{n: partial(e, *batch) for n, e in settings.items()}}
    seconds = medians(work, options.device, rounds=options.rounds, clock=options.clock)
    maps = {name: _maps(explain, images, labels, options.batch_size) for name, explain in settings.items()}
    maps["other image"] = maps[REFERENCE].roll(1, dims=0)
    rows = [_row(name, maps[name], maps[REFERENCE], seconds.get(name), seconds[FORWARD]) for name in maps]
    formats = dict.fromkeys(COLUMNS[1:5], "{:.3f}") | {"forwards": "{:.2f}"}
    weights = "pretrained weights" if trained else "random weights, as there are no pretrained ones here"
    kind = f"{len(images)} ImageNet images" if samples else "noise, as `CAMAUG_DATA` has no images"
    notes = [f"{options.model} with {weights}; {kind}, true classes explained."]
    return [Table(f"fidelity, {options.described}", COLUMNS, rows, formats, notes)]


COLUMNS = ("setting", "rank correlation", "lowest tenth", "mask overlap", "lowest tenth of masks", "forwards")


def _settings(model: nn.Module) -> dict[str, Explain]:
    paper = augmentation_explainer()
    fast = FastForward(model)

    def by(explainer: object, forward: Callable[[Tensor], Tensor] | None = None) -> Explain:
        return lambda images, labels: explainer(model, images, labels, forward=forward).maps  # type: ignore[operator]

    return {
        REFERENCE: by(paper),
        "fast": by(paper, fast),
        "half-resolution queries": by(half_resolution()),
        "fast, half-resolution queries": by(half_resolution(), fast),
        "8 groups": by(dataclasses.replace(paper, groups=8)),
        "4 groups": by(dataclasses.replace(paper, groups=4)),
        "grad-cam": by(GradCAM()),
    }


def _maps(explain: Explain, images: Tensor, labels: Tensor, size: int) -> Tensor:
    parts = zip(images.split(size), labels.split(size), strict=True)
    return torch.cat([explain(*part).cpu() for part in parts])


def _row(name: str, maps: Tensor, reference: Tensor, seconds: float | None, unit: float) -> list[Cell]:
    cells: list[Cell] = []
    for values in (rank_correlation(maps, reference), map_iou(maps, reference)):
        cells += [float(values.mean()), float(values.float().quantile(0.1))]
    return [name, *cells, None if seconds is None else seconds / unit]


def _noise(options: Options) -> tuple[Tensor, Tensor]:
    images = make_images(options, 2 * options.batch_size)
    return images, torch.arange(len(images), device=images.device) % 1000
