"""Experiment 2: the effect of a method's settings, the paper's Figure 5 and Table 2."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from torch import Tensor, nn

from camaug.experiments.experiment import Track
from camaug.experiments.faithfulness import Faithfulness, FaithfulnessExperiment
from camaug.experiments.image_batch import ImageBatch, image_count
from camaug.experiments.mean_interval import interval_note
from camaug.experiments.named_methods import get_method, method_label
from camaug.experiments.report import Curves, Report
from camaug.experiments.supported_methods import measure_supported
from camaug.experiments.table import Cell, Interval, Table
from camaug.experiments.target_classes import target_classes
from camaug.explainers import Explainer

__all__ = ["AblationExperiment"]

_COLUMNS = {"insertion": "insertion, %", "deletion": "deletion, %", "over_all": "over-all, %"}
"""Column of each metric, by its attribute of :class:`Faithfulness`."""

_DIFFERENCE = "difference, points"

Metrics = Mapping[str, Interval]
"""Interval of each metric, in percent, by its attribute of :class:`Faithfulness`."""


@dataclass(frozen=True)
class AblationExperiment(FaithfulnessExperiment):
    """Insertion and deletion of one method, one setting changed at a time.

    Zhang, Rao, Yang 2021, Group-CAM (arXiv 2103.13859): θ (Figure 5) and the number of groups (Table 2). The report
    has a table and a plot for each setting: the metrics in percent with confidence intervals over images; their paired
    difference to the method's own value of the setting, or to the first value if the own value is not in the sweep; and
    the cost of an explanation.

    Args:
        explainer: The method, by name or with the settings that stay.
        sweeps: Values of each setting that is changed, ``{"theta": [None, 50, 70], "groups": [8, 32]}``.
        target: Explained class of each image: ``predicted``, or its ``label``.
        preset: ``paper`` or ``script``, see :class:`camaug.metrics.InsertionDeletion`.
        step: Pixels that change in a step, a share if below 1; None for the preset's.
        confidence: Share of intervals that contain the true value, in (0, 1).
        seed: Seed of the bootstrap.
        chunk_size: Images in one forward pass of the measurement.

    Raises:
        ValueError: If an argument is out of range, or the method has no such setting or refuses a value.

    Example:
        >>> import torch, torchvision
        >>> experiment = AblationExperiment(sweeps={"groups": [2, 4]}, step=0.25)
        >>> report = experiment.run(torchvision.models.resnet18(), [ImageBatch(torch.rand(2, 3, 64, 64))])
        >>> report.table("groups").column("queries")[1] <= 6  # the image, its blurred copy, and each active group
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

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.sweeps:
            raise ValueError("`sweeps` names no setting to change, expected for example {'theta': [0, 70]}")
        for setting, values in self.sweeps.items():
            if not values:
                raise ValueError(f"`sweeps` gives no values for {setting!r}")
            for value in values:
                self._variant(setting, value)

    def measure(self, model: nn.Module, batches: Sequence[ImageBatch], track: Track) -> Report:
        """Return a table and a plot for each setting."""
        targets = [target_classes(model, batch, self.target) for batch in batches]
        tables: list[Table] = []
        curves: list[Curves] = []
        for setting in self.sweeps:
            results, notes = self._sweep(setting, model, batches, targets, track)
            metrics = {
                value: {name: self._percent(getattr(result, name)) for name in _COLUMNS}
                for value, result in results.items()
            }
            tables.append(self._table(setting, results, metrics, notes))
            curves += _curves(setting, metrics)
        return Report(
            title=f"Ablation of {method_label(get_method(self.explainer))}",
            tables=tables,
            curves=curves,
            notes=(
                interval_note(self.confidence, image_count(batches)),
                "Queries are the images in forward passes to explain one image. The time includes gradients.",
            ),
        )

    def _sweep(
        self, setting: str, model: nn.Module, batches: Sequence[ImageBatch], targets: Sequence[Tensor], track: Track
    ) -> tuple[dict[Any, Faithfulness], tuple[str, ...]]:
        """Return the result of each value of a setting, and notes on the values that were left out."""

        def describe(value: Any) -> str:
            return f"{setting} {_to_text(value)}"

        def measure(value: Any, method: Explainer) -> Faithfulness:
            return self._faithfulness(method, model, batches, targets, track, describe(value))

        variants = {value: self._variant(setting, value) for value in self.sweeps[setting]}
        return measure_supported(variants.items(), measure, describe)

    def _variant(self, setting: str, value: Any) -> Explainer:
        method = get_method(self.explainer)
        settings = [setting_field.name for setting_field in dataclasses.fields(method)]
        if setting not in settings:
            raise ValueError(
                f"{method_label(method)} has no setting {setting!r}, expected some of {', '.join(settings)}"
            )
        return dataclasses.replace(method, **{setting: value})

    def _table(
        self,
        setting: str,
        results: Mapping[Any, Faithfulness],
        metrics: Mapping[Any, Metrics],
        notes: Sequence[str],
    ) -> Table:
        own_value = getattr(get_method(self.explainer), setting)
        reference = own_value if own_value in results else next(iter(results))
        rows: list[list[Cell]] = [
            [
                _to_text(value),
                *(metrics[value][name] for name in _COLUMNS),
                None if value == reference else self._difference(result, results[reference]),
                result.constant_maps,
                result.queries,
                result.seconds * 1000,
            ]
            for value, result in results.items()
        ]
        difference_note = f"Difference: over-all minus the over-all of {setting} {_to_text(reference)}, image by image."
        return Table(
            setting,
            [setting, *_COLUMNS.values(), _DIFFERENCE, "constant maps", "queries", "ms per image"],
            rows,
            {
                **dict.fromkeys(_COLUMNS.values(), "{:.1f}"),
                _DIFFERENCE: "{:+.1f}",
                "queries": "{:.0f}",
                "ms per image": "{:.0f}",
            },
            [difference_note, *notes],
        )


def _curves(setting: str, metrics: Mapping[Any, Metrics]) -> list[Curves]:
    """Return the metrics over the numeric values of a setting, with a horizontal line for the value None."""
    numbers = sorted(value for value in metrics if isinstance(value, int | float) and not isinstance(value, bool))
    if len(numbers) < 2:
        return []
    series: dict[str, tuple[Sequence[float], Sequence[float]]] = {}
    bands: dict[str, tuple[Sequence[float], Sequence[float]]] = {}
    for name, column in _COLUMNS.items():
        intervals = [metrics[number][name] for number in numbers]
        label = column.removesuffix(", %")
        series[label] = (numbers, [interval.value for interval in intervals])
        lows = [interval.low for interval in intervals if interval.low is not None]
        highs = [interval.high for interval in intervals if interval.high is not None]
        if len(lows) == len(highs) == len(numbers):
            bands[label] = (lows, highs)
    if None in metrics:
        level = metrics[None]["over_all"].value
        series[f"over-all, {setting} {_to_text(None)}"] = ([numbers[0], numbers[-1]], [level, level])
    return [Curves(f"ablation of {setting}", setting, "area under the curve, %", series, bands)]


def _to_text(value: Any) -> str:
    return "none" if value is None else str(value)
