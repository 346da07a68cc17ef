"""Experiment 4: the pointing game on boxes, the paper's Table 4."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from camaug.experiments.bootstrap_experiment import BootstrapExperiment
from camaug.experiments.experiment import Track
from camaug.experiments.image_batch import ImageBatch
from camaug.experiments.mean_interval import interval_note
from camaug.experiments.named_methods import named_methods
from camaug.experiments.object_batch import ObjectBatch, boxed_source, find_objects
from camaug.experiments.report import Report
from camaug.experiments.supported_methods import explain, measure_supported
from camaug.experiments.table import Cell, Table
from camaug.explainers import Explainer
from camaug.metrics import energy_in_mask, points_at

__all__ = ["PointingGameExperiment"]

_AREA_COLUMNS = ("area, mean over categories, %", "area, mean over pairs, %")


class _Objects(NamedTuple):
    """Category and relative area of each pair, (P,), and the names of all categories."""

    categories: Tensor
    areas: Tensor
    names: Sequence[str]


class _Outcomes(NamedTuple):
    """Outcomes of one method, (P,): hits, hits within the tolerance, energy in the boxes, and constant maps."""

    hits: Tensor
    near_hits: Tensor
    energy: Tensor
    constant_maps: Tensor


@dataclass(frozen=True)
class PointingGameExperiment(BootstrapExperiment):
    """Accuracy with which each method's map points at the objects, and the share of its energy inside their boxes.

    Zhang, Rao, Yang 2021, Group-CAM (arXiv 2103.13859), section 4.4 and Table 4. For every image and every category in
    it, the classifier's class of that category is explained (the most probable of several classes). The map's maximum
    is a hit if it lies in a box of the category. The accuracy is the mean over each category, then over the categories.
    The report also has the share of pairs that are hit and the share of the map's energy in the boxes, with intervals,
    and the area of the boxes, which is the expected result of a random map.

    The images come from ``BoxesDataModule``, whose ``class_indices`` map the categories to classes.

    Args:
        methods: Names of methods, or explainers with their settings; ``random`` is a control.
        tolerance: Distance in pixels within which a hit counts, too, in a column of its own; 15 is usual.
        minimum_confidence: Pairs whose class has a lower probability are left out and counted; 0 for none.
        confidence: Share of intervals that contain the true value, in (0, 1).
        seed: Seed of the bootstrap.

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

    def __post_init__(self) -> None:
        named_methods(self.methods)
        if self.tolerance < 0 or not 0 <= self.minimum_confidence <= 1:
            raise ValueError(
                "`tolerance` must be at least 0 pixels and `minimum_confidence` between 0 and 1, got "
                f"{self.tolerance} and {self.minimum_confidence}"
            )

    def measure(self, model: nn.Module, batches: Sequence[ImageBatch], track: Track) -> Report:
        """Return a table of the methods and a table of the categories."""
        parts = [find_objects(model, batch, self.minimum_confidence) for batch in batches]
        left_out = sum(part.left_out for part in parts)
        objects = _Objects(
            torch.cat([part.categories for part in parts]),
            torch.cat([part.masks.float().mean(dim=(1, 2)).cpu() for part in parts]),
            boxed_source(batches[0]).categories,
        )
        if len(objects.categories) == 0:
            raise ValueError(
                f"there is no pair of an image and a category to point at: {left_out} pairs are of a class whose "
                f"probability is below `minimum_confidence` {self.minimum_confidence}"
            )

        def measure(name: str, method: Explainer) -> _Outcomes:
            outcomes = [self._play(method, model, parts[number]) for number in track(range(len(parts)), name)]
            return _Outcomes(*(torch.cat(column) for column in zip(*outcomes, strict=True)))

        results, notes = measure_supported(named_methods(self.methods).items(), measure)
        tables = [self._method_table(results, objects, notes), _category_table(results, objects)]
        return Report("The pointing game", tables, notes=self._notes(objects, left_out))

    def _play(self, method: Explainer, model: nn.Module, objects: ObjectBatch) -> _Outcomes:
        if len(objects.images) == 0:
            empty = torch.zeros(0)
            return _Outcomes(empty.bool(), empty.bool(), empty, empty.bool())
        maps = explain(method, model, objects.images, objects.targets).maps
        return _Outcomes(
            points_at(maps, objects.masks).cpu(),
            points_at(maps, objects.masks, self.tolerance).cpu(),
            energy_in_mask(maps, objects.masks).cpu(),
            (maps.flatten(1).amax(dim=1) == 0).cpu(),
        )

    def _method_table(self, results: Mapping[str, _Outcomes], objects: _Objects, notes: Sequence[str]) -> Table:
        percent_columns = (
            "accuracy, %",
            f"accuracy within {self.tolerance:g} px, %",
            "pairs hit, %",
            "energy in boxes, %",
            *_AREA_COLUMNS,
        )
        rows: list[list[Cell]] = [
            [
                name,
                100 * _category_mean(outcomes.hits, objects),
                100 * _category_mean(outcomes.near_hits, objects),
                self._interval(outcomes.hits.double()).scaled(100),
                self._interval(outcomes.energy.double()).scaled(100),
                100 * _category_mean(objects.areas, objects),
                100 * float(objects.areas.mean()),
                int(outcomes.constant_maps.sum()),
            ]
            for name, outcomes in results.items()
        ]
        columns = ["method", *percent_columns, "constant maps"]
        note = (
            "A constant map has no hits and no energy in the boxes. A random map's hits and energy equal the boxes' "
            "share of the area."
        )
        return Table("pointing game", columns, rows, dict.fromkeys(percent_columns, "{:.1f}"), [note, *notes])

    def _notes(self, objects: _Objects, left_out: int) -> tuple[str, ...]:
        count = len(torch.unique(objects.categories))
        notes = [
            interval_note(self.confidence, len(objects.categories), "pairs of an image and a category"),
            f"Categories with images: {count} of {len(objects.names)}.",
        ]
        if self.minimum_confidence > 0:
            notes.append(f"Left out: {left_out} pairs whose class is less probable than {self.minimum_confidence:.0%}.")
        return tuple(notes)


def _category_mean(values: Tensor, objects: _Objects) -> float:
    """Return the mean over the pairs of each category, then over the categories with pairs."""
    count = len(objects.names)
    sums = torch.zeros(count, dtype=torch.float64).index_add_(0, objects.categories, values.double())
    counts = torch.bincount(objects.categories, minlength=count)
    return float((sums[counts > 0] / counts[counts > 0]).mean())


def _category_table(results: Mapping[str, _Outcomes], objects: _Objects) -> Table:
    rows: list[list[Cell]] = []
    for category in torch.unique(objects.categories).tolist():
        chosen = objects.categories == category
        hits = [100 * float(outcomes.hits[chosen].double().mean()) for outcomes in results.values()]
        area = 100 * float(objects.areas[chosen].mean())
        rows.append([objects.names[category], int(chosen.sum()), area, *hits])
    columns = ["category", "pairs", "area, %", *(f"{name}, %" for name in results)]
    return Table("accuracy by category", columns, rows, dict.fromkeys(columns[2:], "{:.1f}"))
