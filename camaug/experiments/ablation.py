"""Experiment 2: what the settings of a method do, the paper's Figure 5 and Table 2."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from torch import Tensor, nn

from camaug.experiments.base import Experiment, ImageBatch, TargetKind, Track, target_classes
from camaug.experiments.faithfulness import Faithfulness, measure_faithfulness
from camaug.experiments.methods import RefusedError, as_method, image_count, label, omissions
from camaug.experiments.report import Cell, Curves, Interval, Report, Table
from camaug.experiments.statistics import interval_note, mean_interval, paired_interval
from camaug.explainers import Explainer
from camaug.metrics.insertion_deletion import Preset, step_size

__all__ = ["AblationExperiment"]

_FIGURES = ("insertion", "deletion", "over_all")
_SHOWN_AS = {"insertion": "insertion, %", "deletion": "deletion, %", "over_all": "over-all, %"}

_DIFFERENCE = "difference, points"


@dataclass(frozen=True)
class AblationExperiment(Experiment):
    """Insertion and deletion of one method, one setting changed at a time.

    Zhang, Rao, Yang 2021, Group-CAM (arXiv 2103.13859): θ (Figure 5) and the number of groups (Table 2). The report
    has a table and a plot for each setting: the figures in percent, with confidence intervals over images, their paired
    difference to the method's own value of the setting (or to the first, where that is not among the values), and what
    an explanation costs.

    Args:
        explainer: The method, by name or with the settings that stay.
        sweeps: The values of each setting that is changed, ``{"theta": [None, 50, 70], "groups": [8, 32]}``.
        target: The explained class of each image: ``predicted``, or its ``label``.
        preset: ``paper`` or ``script``, see :class:`camaug.metrics.InsertionDeletion`.
        step: Pixels that turn in a step, a share if below 1; None as the preset says.
        confidence: Of the intervals.
        seed: Of the bootstrap.
        chunk_size: Images in one forward pass of the measurement.

    Raises:
        ValueError: If an argument is out of range, or the method has no such setting or refuses a value.

    Example:
        >>> import torch, torchvision
        >>> experiment = AblationExperiment(sweeps={"groups": [2, 4]}, step=0.25)
        >>> report = experiment.run(torchvision.models.resnet18(), [ImageBatch(torch.rand(2, 3, 64, 64))])
        >>> report.table("groups").column("queries")[1] <= 6  # the image, its blur, and one for each group that fires
        True
    """

    name: ClassVar[str] = "ablation"

    explainer: str | Explainer = "group-cam"
    sweeps: Mapping[str, Sequence[Any]] = field(
        default_factory=lambda: {
            "theta": [None, 0, 10, 20, 30, 40, 50, 60, 70, 80, 90],
            "groups": [1, 4, 8, 16, 32, 64],
        }
    )
    target: TargetKind = "predicted"
    preset: Preset = "paper"
    step: float | None = None
    confidence: float = 0.95
    seed: int = 0
    chunk_size: int | None = None

    def __post_init__(self) -> None:
        step_size(self.preset, self.step)
        if not self.sweeps:
            raise ValueError("`sweeps` names no setting to change, expected for example {'theta': [0, 70]}")
        for setting, values in self.sweeps.items():
            if not values:
                raise ValueError(f"`sweeps` gives no values for {setting!r}")
            for value in values:
                self._with(setting, value)

    def measure(self, model: nn.Module, batches: Sequence[ImageBatch], track: Track) -> Report:
        """A table and a plot for each setting."""
        targets = [target_classes(model, batch, self.target) for batch in batches]
        tables, curves = [], []
        for setting, values in self.sweeps.items():
            measured: dict[Any, Faithfulness] = {}
            omitted = {}
            for value in values:
                shown = _shown(value)
                try:
                    measured[value] = measure_faithfulness(
                        self._with(setting, value),
                        model,
                        batches,
                        targets,
                        preset=self.preset,
                        step=self.step,
                        chunk_size=self.chunk_size,
                        track=track,
                        what=f"{setting} {shown}",
                    )
                except RefusedError as error:
                    omitted[f"{setting} {shown}"] = str(error)
            intervals = {
                value: {name: self._interval(getattr(figures, name)) for name in _FIGURES}
                for value, figures in measured.items()
            }
            notes = omissions(omitted, len(values))
            own = getattr(as_method(self.explainer), setting)
            reference = own if own in measured else next(iter(measured))
            differences = {
                value: self._difference(figures, measured[reference])
                for value, figures in measured.items()
                if value != reference
            }
            compared = f"Difference: over-all minus that of {setting} {_shown(reference)}, image by image."
            tables.append(_table(setting, measured, intervals, differences, [compared, *notes]))
            curves += _curves(setting, intervals)
        return Report(
            title=f"Ablation of {label(as_method(self.explainer))}",
            tables=tables,
            curves=curves,
            notes=(
                interval_note(self.confidence, image_count(batches)),
                "Queries are the images that the model is asked about to explain one; the time includes gradients.",
            ),
        )

    def _with(self, setting: str, value: Any) -> Explainer:
        method = as_method(self.explainer)
        known = [each.name for each in dataclasses.fields(method)]
        if setting not in known:
            raise ValueError(f"{label(method)} has no setting {setting!r}, expected some of {', '.join(known)}")
        return dataclasses.replace(method, **{setting: value})

    def _difference(self, figures: Faithfulness, reference: Faithfulness) -> Interval:
        pair = figures.over_all, reference.over_all
        return paired_interval(*pair, confidence=self.confidence, seed=self.seed).scaled(100)

    def _interval(self, values: Tensor) -> Interval:
        return mean_interval(values, confidence=self.confidence, seed=self.seed).scaled(100)


def _table(
    setting: str,
    measured: Mapping[Any, Faithfulness],
    intervals: Mapping[Any, Mapping[str, Interval]],
    differences: Mapping[Any, Interval],
    notes: Sequence[str],
) -> Table:
    rows: list[list[Cell]] = [
        [
            _shown(value),
            *(intervals[value][name] for name in _FIGURES),
            differences.get(value),
            figures.flat,
            figures.queries,
            figures.seconds * 1000,
        ]
        for value, figures in measured.items()
    ]
    figures_formats = dict.fromkeys(_SHOWN_AS.values(), "{:.1f}")
    return Table(
        setting,
        [setting, *_SHOWN_AS.values(), _DIFFERENCE, "flat maps", "queries", "ms an image"],
        rows,
        {**figures_formats, _DIFFERENCE: "{:+.1f}", "queries": "{:.0f}", "ms an image": "{:.0f}"},
        notes,
    )


def _curves(setting: str, intervals: Mapping[Any, Mapping[str, Interval]]) -> list[Curves]:
    """The figures over the setting, where it has numbers; what None does is a level line."""
    places = sorted(value for value in intervals if isinstance(value, int | float) and not isinstance(value, bool))
    if len(places) < 2:
        return []
    series: dict[str, tuple[Sequence[float], Sequence[float]]] = {}
    bands: dict[str, tuple[Sequence[float], Sequence[float]]] = {}
    for name in _FIGURES:
        line = [intervals[place][name] for place in places]
        shown = _SHOWN_AS[name].removesuffix(", %")
        series[shown] = (places, [interval.value for interval in line])
        ends = [(interval.low, interval.high) for interval in line]
        known = [(low, high) for low, high in ends if low is not None and high is not None]
        if len(known) == len(line):
            bands[shown] = ([low for low, _ in known], [high for _, high in known])
    if None in intervals:
        level = intervals[None]["over_all"].value
        series[f"over-all, {setting} {_shown(None)}"] = ([places[0], places[-1]], [level, level])
    return [Curves(f"ablation of {setting}", setting, "area under the curve, %", series, bands)]


def _shown(value: Any) -> str:
    return "none" if value is None else str(value)
