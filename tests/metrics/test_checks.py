"""Inputs that every metric refuses."""

from __future__ import annotations

import pytest
import torch

from camaug.metrics import (
    ROAD,
    AverageDrop,
    Drift,
    EnergyInMask,
    GridPointingGame,
    InsertionDeletion,
    PointingGame,
    Trust,
)

MODEL_METRICS = [InsertionDeletion(step=0.5), AverageDrop(), ROAD(percentiles=(50,)), Trust("grad-cam")]


def maps(count: int = 4) -> torch.Tensor:
    return torch.rand(count, 16, 16)


@pytest.mark.parametrize("metric", MODEL_METRICS, ids=lambda metric: type(metric).__name__)
@pytest.mark.parametrize(
    ("targets", "message"),
    [
        (torch.tensor([0, 9, 1, -1]), r"among the model's 5 classes, 0 to 4, got \[-1, 9\]"),
        (torch.rand(4), r"one class for each of 4 images, got torch.float32 \(4,\)"),
    ],
)
def test_invalid_targets_are_refused(metric, targets, message, net, images):
    with pytest.raises(ValueError, match=message):
        metric.update(net, images, maps(), targets)


def test_maps_that_are_not_finite_are_refused(net, images):
    broken = maps()
    broken[2, 3, 3] = float("nan")
    masks = torch.ones(4, 16, 16, dtype=torch.bool)
    zeros = torch.zeros(4, dtype=torch.int64)
    message = r"the maps \[2\] are not finite"
    for metric in MODEL_METRICS:
        with pytest.raises(ValueError, match=message):
            metric.update(net, images, broken)
    for metric, *arguments in (
        (EnergyInMask(), masks),
        (PointingGame(2), masks, zeros),
        (GridPointingGame(), zeros),
        (Drift(), maps()),
    ):
        with pytest.raises(ValueError, match=message):
            metric.update(broken, *arguments)
