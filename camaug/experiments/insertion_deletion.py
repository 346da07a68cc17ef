"""Experiment 1: insertion and deletion of any methods, the paper's Table 1."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn

from camaug.experiments.experiment import Track
from camaug.experiments.faithfulness import Faithfulness, FaithfulnessExperiment
from camaug.experiments.image_batch import ImageBatch, image_count
from camaug.experiments.mean_interval import interval_note
from camaug.experiments.named_methods import get_method, method_label, named_methods
from camaug.experiments.report import Curves, Report
from camaug.experiments.supported_methods import measure_supported
from camaug.experiments.table import Cell, Table
from camaug.experiments.target_classes import target_classes
from camaug.explainers import Explainer

__all__ = ["InsertionDeletionExperiment"]

_PREFERRED_REFERENCE = "group-cam"


@dataclass(frozen=True)
class InsertionDeletionExperiment(FaithfulnessExperiment):
    """Change of the class score as the most important pixels of each method are inserted and deleted.

    Zhang, Rao, Yang 2021, Group-CAM (arXiv 2103.13859), section 4.2 and Table 1. The report has a table of all methods
    with confidence intervals over images; a table of their paired differences to one method, image by image, which is
    the table to compare methods by; and the mean curves. All values are in percent. Higher insertion and over-all and
    lower deletion are better.

    Args:
        methods: Names of methods, or explainers with their settings; ``random`` is a control.
        reference: The method that the others are compared with, by name or with its settings, one of ``methods``; None
            for ``group-cam`` if it is among them, else the first.
        target: Explained class of each image: ``predicted``, or its ``label``.
        preset: ``paper`` or ``script``, see :class:`camaug.metrics.InsertionDeletion`.
        step: Pixels that change in a step, a share if below 1; None for the preset's.
        confidence: Share of intervals that contain the true value, in (0, 1).
        seed: Seed of the bootstrap.
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
    reference: str | Explainer | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        methods = named_methods(self.methods)
        if self.reference is not None and (reference := method_label(get_method(self.reference))) not in methods:
            raise ValueError(f"`reference` must be one of the methods, {', '.join(methods)}, got {reference}")

    def measure(self, model: nn.Module, batches: Sequence[ImageBatch], track: Track) -> Report:
        """Return tables of metrics and differences, and the mean curves."""
        targets = [target_classes(model, batch, self.target) for batch in batches]

        def measure(name: str, method: Explainer) -> Faithfulness:
            return self._faithfulness(method, model, batches, targets, track, name)

        results, notes = measure_supported(named_methods(self.methods).items(), measure)
        return Report(
            title="Insertion and deletion",
            tables=[self._metrics_table(results, notes), self._difference_table(results)],
            curves=[
                _mean_curves("insertion", "inserted", {name: result.inserted for name, result in results.items()}),
                _mean_curves("deletion", "deleted", {name: result.deleted for name, result in results.items()}),
            ],
            notes=(
                interval_note(self.confidence, image_count(batches)),
                "Constant maps count, with their pixels in random order.",
            ),
        )

    def _metrics_table(self, results: Mapping[str, Faithfulness], notes: Sequence[str]) -> Table:
        columns = ["insertion, %", "deletion, %", "over-all, %"]
        rows: list[list[Cell]] = [
            [
                name,
                *(self._percent(values) for values in (result.insertion, result.deletion, result.over_all)),
                result.constant_maps,
                len(result.inserted),
            ]
            for name, result in results.items()
        ]
        return Table(
            "insertion and deletion",
            ["method", *columns, "constant maps", "images"],
            rows,
            dict.fromkeys(columns, "{:.1f}"),
            notes,
        )

    def _difference_table(self, results: Mapping[str, Faithfulness]) -> Table:
        reference = self._choose_reference(results)
        column = f"over-all minus {reference}, points"
        rows: list[list[Cell]] = [
            [name, self._difference(result, results[reference])]
            for name, result in results.items()
            if name != reference
        ]
        note = "Paired by image. Two methods differ if the interval does not contain 0."
        return Table("paired differences", ["method", column], rows, {column: "{:+.1f}"}, [note])

    def _choose_reference(self, results: Mapping[str, Faithfulness]) -> str:
        if self.reference is None:
            return _PREFERRED_REFERENCE if _PREFERRED_REFERENCE in results else next(iter(results))
        reference = method_label(get_method(self.reference))
        if reference not in results:
            raise ValueError(
                f"the reference {reference} does not support this model: choose another, one of {', '.join(results)}"
            )
        return reference


def _mean_curves(name: str, verb: str, curves: Mapping[str, Tensor]) -> Curves:
    """Return the mean curve of each method, in percent, over the share of changed pixels."""
    series = {}
    for method, values in curves.items():
        mean = values.mean(dim=0) * 100
        series[method] = ([100 * step / (len(mean) - 1) for step in range(len(mean))], mean.tolist())
    return Curves(
        f"{name} curves", f"pixels {verb}, the most salient first, %", "mean probability of the class, %", series
    )
