"""What every metric refuses, whatever else it does."""

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
    boxes_to_masks,
    choose_mosaics,
)

ASK_THE_MODEL = [InsertionDeletion(step=0.5), AverageDrop(), ROAD(percentiles=(50,)), Trust("grad-cam")]


def maps(count: int = 4) -> torch.Tensor:
    return torch.rand(count, 16, 16)


@pytest.mark.parametrize("metric", ASK_THE_MODEL, ids=lambda metric: type(metric).__name__)
@pytest.mark.parametrize(
    ("targets", "message"),
    [
        (torch.tensor([0, 9, 1, -1]), r"among the model's 5 classes, 0 to 4, got \[-1, 9\]"),
        (torch.rand(4), r"one class for each of 4 images, got torch.float32 \(4,\)"),
    ],
)
def test_unknown_classes(metric, targets, message, net, images):
    with pytest.raises(ValueError, match=message):
        metric.update(net, images, maps(), targets)


def test_maps_that_are_not_finite(net, images):
    broken = maps()
    broken[2, 3, 3] = float("nan")
    masks = torch.ones(4, 16, 16, dtype=torch.bool)
    zeros = torch.zeros(4, dtype=torch.int64)
    said = r"the maps \[2\] are not finite"
    for metric in ASK_THE_MODEL:
        with pytest.raises(ValueError, match=said):
            metric.update(net, images, broken)
    for metric, *arguments in (
        (EnergyInMask(), masks),
        (PointingGame(2), masks, zeros),
        (GridPointingGame(), zeros),
        (Drift(), maps()),
    ):
        with pytest.raises(ValueError, match=said):
            metric.update(broken, *arguments)


@pytest.mark.parametrize(
    ("boxes", "message"),
    [
        (torch.tensor([[0.3, 0.2, 0.6, 0.9]]), "in pixels inside images of 4 × 4 and hold a pixel"),
        (torch.tensor([[0.0, 0.0, float("nan"), 2.0]]), "in pixels inside images of 4 × 4"),
        ([[0, 0, 2, 2]], r"a tensor \(N, 4\) .*, got list"),
        (torch.tensor([0, 0, 2, 2]), r"a tensor \(N, 4\) .*, got \(4,\)"),
    ],
)
def test_what_are_no_boxes(boxes, message):
    with pytest.raises(ValueError, match=message):
        boxes_to_masks(boxes, (4, 4))


def test_what_are_no_cells():
    for cells, given in (([0, 1], "list"), (torch.rand(2), r"torch.float32 \(2,\)")):
        with pytest.raises(ValueError, match=f"integer cells .*, got .* and {given}"):
            GridPointingGame().update(maps(2), cells)
    with pytest.raises(ValueError, match=r"must both be \(N,\), got \(3,\) and \(4,\)"):
        choose_mosaics(torch.rand(3), torch.arange(4))
