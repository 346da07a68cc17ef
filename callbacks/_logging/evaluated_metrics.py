"""Metrics that ``CamEvaluator`` can compute."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torchmetrics import Metric

from camaug.explainers import Explainer
from camaug.metrics import (
    ROAD,
    AverageDrop,
    BorderEnergy,
    Drift,
    EnergyInMask,
    GridPointingGame,
    InsertionDeletion,
    PointingGame,
    PositionBias,
    Trust,
)

from .explained_batch import ExplainedBatch

__all__ = ["EVALUATED_METRICS", "EvaluatedMetric"]


@dataclass(frozen=True)
class EvaluatedMetric:
    """A metric, how it is created and updated, and what it needs.

    Attributes:
        create: Function from the explainer and the number of classes to a new metric.
        update: Function that adds a batch to the metric.
        prefix: First part of the names of its logged values.
        needs_masks: Whether the data set must have ``object_mask(index)``.
        needs_mosaics: Whether it is updated with mosaics of images, and batches are ignored.
    """

    create: Callable[[Explainer, int], Metric]
    update: Callable[[Any, ExplainedBatch], None]
    prefix: str = ""
    needs_masks: bool = False
    needs_mosaics: bool = False


def _query_model(metric: Any, batch: ExplainedBatch) -> None:
    metric.forward_function = batch.forward
    metric.update(batch.module, batch.images, batch.maps, batch.targets)


def _add_maps(metric: Any, batch: ExplainedBatch) -> None:
    metric.update(batch.maps)


def _compare_with_previous(metric: Any, batch: ExplainedBatch) -> None:
    if batch.previous_maps is not None:
        metric.update(batch.maps, batch.previous_maps)


def _compare_with_masks(metric: Any, batch: ExplainedBatch) -> None:
    if batch.objects is not None:
        metric.update(batch.objects.maps, batch.objects.masks)


def _compare_with_masks_of_classes(metric: Any, batch: ExplainedBatch) -> None:
    if batch.objects is not None:
        metric.update(*batch.objects)


def _ignore_batch(metric: Any, batch: ExplainedBatch) -> None:
    pass


EVALUATED_METRICS = {
    "insertion_deletion": EvaluatedMetric(lambda explainer, classes: InsertionDeletion(), _query_model),
    "average_drop": EvaluatedMetric(lambda explainer, classes: AverageDrop(), _query_model),
    "road": EvaluatedMetric(lambda explainer, classes: ROAD(), _query_model, prefix="road_"),
    "drift": EvaluatedMetric(lambda explainer, classes: Drift(), _compare_with_previous),
    "trust": EvaluatedMetric(lambda explainer, classes: Trust(explainer), _query_model),
    "position_bias": EvaluatedMetric(lambda explainer, classes: PositionBias(), _add_maps),
    "border_energy": EvaluatedMetric(lambda explainer, classes: BorderEnergy(), _add_maps),
    "energy_in_mask": EvaluatedMetric(
        lambda explainer, classes: EnergyInMask(), _compare_with_masks, prefix="object_", needs_masks=True
    ),
    "pointing_game": EvaluatedMetric(
        lambda explainer, classes: PointingGame(classes),
        _compare_with_masks_of_classes,
        prefix="pointing_",
        needs_masks=True,
    ),
    "grid_pointing_game": EvaluatedMetric(
        lambda explainer, classes: GridPointingGame(), _ignore_batch, prefix="grid_", needs_mosaics=True
    ),
}
"""The metrics by their name in ``CamEvaluator(metrics=...)``."""
