"""Experiment 1: insertion and deletion of any methods, the paper's Table 1."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn

from camaug.experiments.base import Experiment, ImageBatch, TargetKind, Track, target_classes
from camaug.experiments.faithfulness import Faithfulness, measure_faithfulness
from camaug.experiments.methods import RefusedError, as_method, as_methods, image_count, label, omissions
from camaug.experiments.report import Cell, Curves, Interval, Report, Table
from camaug.experiments.statistics import interval_note, mean_interval, paired_interval
from camaug.explainers import Explainer
from camaug.metrics.insertion_deletion import Preset, step_size

__all__ = ["InsertionDeletionExperiment"]

_PREFERRED_REFERENCE = "group-cam"


@dataclass(frozen=True)
class InsertionDeletionExperiment(Experiment):
    """How fast the score comes and goes with the pixels that each method calls important.

    Zhang, Rao, Yang 2021, Group-CAM (arXiv 2103.13859), section 4.2 and Table 1. The report has a table of all methods
    with confidence intervals over images; a table of their paired differences to one of them, image by image, which
    is the one to compare methods by; and the mean curves. All in percent; higher insertion and over-all and lower
    deletion are better.

    Args:
        methods: Names of methods, or explainers with their settings; ``random`` is a control that knows nothing.
        target: The explained class of each image: ``predicted``, or its ``label``.
        reference: The method that the others are compared with, by name or with its settings, and one of ``methods``;
            None for ``group-cam`` where it is among them, else the first.
        preset: ``paper`` or ``script``, see :class:`camaug.metrics.InsertionDeletion`.
        step: Pixels that turn in a step, a share if below 1; None as the preset says.
        confidence: Of the intervals.
        seed: Of the bootstrap.
        chunk_size: Images in one forward pass of the measurement.

    Raises:
        ValueError: If an argument is out of range, or a name is unknown.

    Example:
        >>> import torch, torchvision
        >>> experiment = InsertionDeletionExperiment(["random", "grad-cam"], step=0.25)
        >>> report = experiment.run(torchvision.models.resnet18(), [ImageBatch(torch.rand(3, 3, 64, 64))])
        >>> report.table("insertion and deletion").column("method")
        ['random', 'grad-cam']
    """

    name: ClassVar[str] = "insertion_deletion"

    methods: Sequence[str | Explainer] = ("random", "grad-cam", "group-cam")
    target: TargetKind = "predicted"
    reference: str | Explainer | None = None
    preset: Preset = "paper"
    step: float | None = None
    confidence: float = 0.95
    seed: int = 0
    chunk_size: int | None = None

    def __post_init__(self) -> None:
        step_size(self.preset, self.step)
        methods = as_methods(self.methods)
        if self.reference is not None and (given := label(as_method(self.reference))) not in methods:
            raise ValueError(f"`reference` must be one of the methods, {', '.join(methods)}, got {given}")

    def measure(self, model: nn.Module, batches: Sequence[ImageBatch], track: Track) -> Report:
        """Tables of figures and differences, and the mean curves."""
        targets = [target_classes(model, batch, self.target) for batch in batches]
        measured, omitted = {}, {}
        methods = as_methods(self.methods)
        for name, method in methods.items():
            try:
                measured[name] = measure_faithfulness(
                    method,
                    model,
                    batches,
                    targets,
                    preset=self.preset,
                    step=self.step,
                    chunk_size=self.chunk_size,
                    track=track,
                    what=name,
                )
            except RefusedError as error:
                omitted[name] = str(error)
        notes = omissions(omitted, len(methods))
        return Report(
            title="Insertion and deletion",
            tables=[self._figures(measured, notes), self._differences(measured)],
            curves=[
                _mean_curves("insertion", {name: figures.inserted for name, figures in measured.items()}),
                _mean_curves("deletion", {name: figures.deleted for name, figures in measured.items()}),
            ],
            notes=(
                interval_note(self.confidence, image_count(batches)),
                "A flat map shows nothing; it counts, as one whose pixels come in random order.",
            ),
        )

    def _figures(self, measured: Mapping[str, Faithfulness], notes: Sequence[str]) -> Table:
        columns = ["insertion, %", "deletion, %", "over-all, %"]
        rows: list[list[Cell]] = [
            [
                name,
                *(self._interval(values) for values in (figures.insertion, figures.deletion, figures.over_all)),
                figures.flat,
                len(figures.inserted),
            ]
            for name, figures in measured.items()
        ]
        return Table(
            "insertion and deletion",
            ["method", *columns, "flat maps", "images"],
            rows,
            dict.fromkeys(columns, "{:.1f}"),
            notes,
        )

    def _differences(self, measured: Mapping[str, Faithfulness]) -> Table:
        reference = self._reference(measured)
        column = f"over-all minus that of {reference}, points"
        rows: list[list[Cell]] = []
        for name, figures in measured.items():
            if name != reference:
                difference = paired_interval(
                    figures.over_all, measured[reference].over_all, confidence=self.confidence, seed=self.seed
                )
                rows.append([name, difference.scaled(100)])
        return Table(
            "paired differences",
            ["method", column],
            rows,
            {column: "{:+.1f}"},
            ["Image by image. An interval without 0 in it says that the two methods differ."],
        )

    def _reference(self, measured: Mapping[str, Faithfulness]) -> str:
        if self.reference is None:
            return _PREFERRED_REFERENCE if _PREFERRED_REFERENCE in measured else next(iter(measured))
        reference = label(as_method(self.reference))
        if reference not in measured:
            raise ValueError(
                f"the reference {reference} refuses this model: choose another, one of {', '.join(measured)}"
            )
        return reference

    def _interval(self, values: Tensor) -> Interval:
        return mean_interval(values, confidence=self.confidence, seed=self.seed).scaled(100)


def _mean_curves(name: str, curves: Mapping[str, Tensor]) -> Curves:
    series = {}
    for method, values in curves.items():
        mean = values.mean(dim=0) * 100
        series[method] = ([100 * place / (len(mean) - 1) for place in range(len(mean))], mean.tolist())
    done = {"insertion": "put in", "deletion": "taken out"}[name]
    places = f"pixels {done}, the most salient first, %"
    return Curves(f"{name} curves", places, "mean probability of the class, %", series)
