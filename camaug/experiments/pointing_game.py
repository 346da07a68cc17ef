"""Experiment 4: the pointing game on boxes, the paper's Table 4."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, Protocol, cast

import torch
from torch import Tensor, nn

from camaug.experiments.base import Experiment, ImageBatch, Track
from camaug.experiments.methods import RefusedError, as_methods, explain, omissions
from camaug.experiments.report import Cell, Report, Table
from camaug.experiments.statistics import interval_note, mean_interval
from camaug.explainers import Explainer
from camaug.inspection.neutral import neutral
from camaug.inspection.unwrap import unwrap
from camaug.metrics import energy_in_mask, points_at

__all__ = ["PointingGameExperiment"]


class _Boxed(Protocol):
    """What a batch of images with boxes has to know, as ``camaug.datamodules.BoxedBatch`` does."""

    categories: Sequence[str]
    class_indices: Sequence[Sequence[int]] | None

    def pairs(self) -> Sequence[Any]: ...

    def masks(self, pairs: Sequence[Any]) -> Tensor: ...


class _Objects(NamedTuple):
    """Images (P, C, H, W), a category (P,) in each, where it is (P, H, W), and the explained class (P,)."""

    images: Tensor
    categories: Tensor
    masks: Tensor
    targets: Tensor


class _Found(NamedTuple):
    """For each pair its category, whether it is hit, or nearly, its mass in the boxes, whether its map is flat."""

    categories: Tensor
    hits: Tensor
    near_hits: Tensor
    mass: Tensor
    flat: Tensor


@dataclass(frozen=True)
class PointingGameExperiment(Experiment):
    """Does each method's map point at the object, and how much of its mass lies there?

    Zhang, Rao, Yang 2021, Group-CAM (arXiv 2103.13859), section 4.4 and Table 4. For every image and every category
    that is in it, the classifier's class of that category is explained (of several, the most probable), and the map's
    maximum is a hit where it lies in a box of the category: accuracy for each category, then the mean over the
    categories. Beside it the share of pairs that are hit and the share of the map's mass in the boxes, with intervals,
    and the area of the boxes, which is what a map that knows nothing gets.

    The images come from ``BoxesDataModule``, whose ``class_indices`` say which classes a category stands for.

    Args:
        methods: Names of methods, or explainers with their settings; ``random`` is a control that knows nothing.
        tolerance: Pixels within which a hit counts too, in a column of its own; 15 is usual.
        minimum_confidence: A pair whose class the model gives less than this is left out, and counted; 0 for none.
        confidence: Of the intervals.
        seed: Of the bootstrap.

    Raises:
        ValueError: If an argument is out of range, or a name is unknown.

    Example:
        >>> PointingGameExperiment(["random", "grad-cam"]).tolerance
        15
    """

    name: ClassVar[str] = "pointing_game"

    methods: Sequence[str | Explainer] = ("random", "grad-cam", "group-cam")
    tolerance: float = 15
    minimum_confidence: float = 0.0
    confidence: float = 0.95
    seed: int = 0

    def __post_init__(self) -> None:
        as_methods(self.methods)
        if self.tolerance < 0 or not 0 <= self.minimum_confidence <= 1:
            raise ValueError(
                "`tolerance` must be at least 0 pixels and `minimum_confidence` between 0 and 1, got "
                f"{self.tolerance} and {self.minimum_confidence}"
            )

    def measure(self, model: nn.Module, batches: Sequence[ImageBatch], track: Track) -> Report:
        """A table of the methods and one of the categories."""
        names = _boxed(batches[0]).categories
        objects, unlikely = [], 0
        for batch in batches:
            found, left_out = self._objects(model, batch)
            objects.append(found)
            unlikely += left_out
        pairs = sum(len(each.images) for each in objects)
        if pairs == 0:
            raise ValueError(
                f"there is no pair of an image and a category to point at: {unlikely} pairs are of a class that the "
                f"model gives less than `minimum_confidence` {self.minimum_confidence}"
            )
        measured: dict[str, _Found] = {}
        omitted: dict[str, str] = {}
        methods = as_methods(self.methods)
        for name, method in methods.items():
            try:
                parts = [self._play(method, model, objects[place]) for place in track(range(len(objects)), name)]
            except RefusedError as error:
                omitted[name] = str(error)
                continue
            measured[name] = _Found(*(torch.cat(column) for column in zip(*parts, strict=True)))
        areas = torch.cat([each.masks.float().mean(dim=(1, 2)).cpu() for each in objects])
        seen = torch.cat([each.categories for each in objects])
        without = len(names) - len(torch.unique(seen))
        notes = [
            interval_note(self.confidence, pairs, "pairs of an image and a category"),
            f"{len(torch.unique(seen))} categories have images; {without} have none among those looked at.",
        ]
        if self.minimum_confidence > 0:
            notes.append(f"Left out: {unlikely} pairs whose class is given less than {self.minimum_confidence:.0%}.")
        tables = [
            self._figures(measured, areas, seen, len(names), omissions(omitted, len(methods))),
            _by_category(measured, areas, seen, names),
        ]
        return Report("The pointing game", tables, notes=tuple(notes))

    def _objects(self, model: nn.Module, batch: ImageBatch) -> tuple[_Objects, int]:
        """The pairs of a batch that are to be played on, and the number of those that are too unlikely."""
        boxed = _boxed(batch)
        assert boxed.class_indices is not None
        with neutral(unwrap(model)):
            probabilities = model(batch.images).float().softmax(dim=1)
        wrong = sorted({k for classes in boxed.class_indices for k in classes if k >= probabilities.shape[1]})
        if wrong:
            raise ValueError(
                f"`class_indices` names the classes {wrong}, and the model has {probabilities.shape[1]}: give the "
                "model that the mapping is for"
            )
        pairs = list(boxed.pairs())
        targets = [
            max(boxed.class_indices[pair.category], key=lambda k: float(probabilities[pair.image, k])) for pair in pairs
        ]
        likely = [
            place
            for place, (pair, target) in enumerate(zip(pairs, targets, strict=True))
            if float(probabilities[pair.image, target]) >= self.minimum_confidence
        ]
        kept = [pairs[place] for place in likely]
        device = batch.images.device
        index = torch.tensor([pair.image for pair in kept], dtype=torch.int64, device=device)
        objects = _Objects(
            batch.images[index],
            torch.tensor([pair.category for pair in kept], dtype=torch.int64),
            boxed.masks(kept).to(device),
            torch.tensor([targets[place] for place in likely], dtype=torch.int64, device=device),
        )
        return objects, len(pairs) - len(kept)

    def _play(self, method: Explainer, model: nn.Module, objects: _Objects) -> _Found:
        if len(objects.images) == 0:
            nothing = torch.zeros(0)
            return _Found(objects.categories, nothing.bool(), nothing.bool(), nothing, nothing.bool())
        maps = explain(method, model, objects.images, objects.targets).maps
        return _Found(
            objects.categories,
            points_at(maps, objects.masks).cpu(),
            points_at(maps, objects.masks, self.tolerance).cpu(),
            energy_in_mask(maps, objects.masks).cpu(),
            (maps.flatten(1).amax(dim=1) == 0).cpu(),
        )

    def _figures(
        self, measured: dict[str, _Found], areas: Tensor, seen: Tensor, count: int, notes: Sequence[str]
    ) -> Table:
        figures = ["accuracy, %", f"accuracy within {self.tolerance:g} px, %", "pairs hit, %", "mass in boxes, %"]
        chance = ["area, mean over categories, %", "area, mean over pairs, %"]
        rows: list[list[Cell]] = []
        by_category, by_pair = _category_mean(areas, seen, count), float(areas.mean())
        for name, found in measured.items():
            hits, mass = (
                mean_interval(values.double(), confidence=self.confidence, seed=self.seed).scaled(100)
                for values in (found.hits, found.mass)
            )
            exact, near = (100 * _category_mean(each, seen, count) for each in (found.hits, found.near_hits))
            rows.append([name, exact, near, hits, mass, 100 * by_category, 100 * by_pair, int(found.flat.sum())])
        columns = ["method", *figures, *chance, "flat maps"]
        formats = dict.fromkeys([*figures, *chance], "{:.1f}")
        said = "A flat map points at nothing and has no mass. At random, hits and mass are as large as the area."
        return Table("pointing game", columns, rows, formats, [said, *notes])


def _boxed(batch: ImageBatch) -> _Boxed:
    given = batch.given
    if not all(hasattr(given, name) for name in ("pairs", "masks", "categories", "class_indices")):
        raise ValueError(
            "the pointing game needs images with boxes, and the batches of this data module, "
            f"{type(given).__name__}, have none: give it BoxesDataModule"
        )
    if given.class_indices is None:
        raise ValueError(
            "which of the model's classes do the categories stand for? Say it in data.class_indices, as "
            "configs/experiments/pointing_game.yaml does for COCO and ImageNet"
        )
    return cast(_Boxed, given)


def _category_mean(values: Tensor, categories: Tensor, count: int) -> float:
    """The mean for each category, then over the categories that there are."""
    sums = torch.zeros(count, dtype=torch.float64).index_add_(0, categories, values.double())
    counts = torch.bincount(categories, minlength=count)
    return float((sums[counts > 0] / counts[counts > 0]).mean())


def _by_category(measured: dict[str, _Found], areas: Tensor, seen: Tensor, names: Sequence[str]) -> Table:
    rows: list[list[Cell]] = []
    for category in torch.unique(seen).tolist():
        of_it = seen == category
        hits = [100 * float(found.hits[of_it].double().mean()) for found in measured.values()]
        rows.append([names[category], int(of_it.sum()), 100 * float(areas[of_it].mean()), *hits])
    columns = ["category", "pairs", "area, %", *(f"{name}, %" for name in measured)]
    return Table("accuracy by category", columns, rows, dict.fromkeys(columns[2:], "{:.1f}"))
