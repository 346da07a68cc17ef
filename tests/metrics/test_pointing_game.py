from __future__ import annotations

import pytest
import torch

from camaug.metrics import PointingGame, boxes_to_masks, points_at


def peak(row: int, column: int, size: int = 10) -> torch.Tensor:
    maps = torch.zeros(1, size, size)
    maps[0, row, column] = 1
    return maps


@pytest.mark.parametrize(
    ("at", "tolerance", "hit"),
    [
        ((2, 3), 0, True),
        ((2, 4), 0, False),
        ((2, 4), 1, True),
        ((3, 4), 1, False),
        ((3, 4), 1.5, True),
        ((9, 9), 15, True),
    ],
)
def test_a_maximum_within_the_tolerance_hits_the_object(at, tolerance, hit):
    masks = torch.zeros(1, 10, 10, dtype=torch.bool)
    masks[0, 0:3, 0:4] = True
    assert points_at(peak(*at), masks, tolerance).tolist() == [hit]


@pytest.mark.filterwarnings("default")
def test_points_at_against_quantus(net):
    quantus = pytest.importorskip("quantus", exc_type=ImportError)
    maps, masks = torch.rand(20, 16, 16), torch.rand(20, 16, 16) > 0.5
    theirs = quantus.PointingGame(abs=False, normalise=False, disable_warnings=True, display_progressbar=False)(
        model=net,
        x_batch=torch.rand(20, 3, 16, 16).numpy(),
        y_batch=torch.zeros(20, dtype=torch.int64).numpy(),
        a_batch=maps[:, None].numpy(),
        s_batch=masks[:, None].numpy(),
        device="cpu",
    )
    assert points_at(maps, masks).tolist() == [bool(hit) for hit in theirs]
    assert 0 < sum(theirs) < 20


def test_a_constant_map_points_at_nothing():
    everything = torch.ones(2, 4, 4, dtype=torch.bool)
    assert points_at(torch.stack([torch.zeros(4, 4), torch.full((4, 4), 0.5)]), everything).tolist() == [False, False]


def test_boxes_become_masks():
    masks = boxes_to_masks(torch.tensor([[0, 0, 3, 2], [1, 1, 4, 5]]), (5, 4))
    assert masks.sum(dim=(1, 2)).tolist() == [6, 12]
    assert masks[0, :2, :3].all()
    assert masks[1, 1:, 1:].all()
    for wrong in ([0, 0, 5, 2], [-1, 0, 2, 2], [2, 0, 2, 2], [0, 3, 2, 1]):
        with pytest.raises(ValueError, match=r"boxes must be .* in pixels inside images of 5 × 4"):
            boxes_to_masks(torch.tensor([wrong]), (5, 4))


def test_accuracy_is_averaged_over_classes():
    """Two of three images of class 0 are hit, and the only image of class 2 is missed: (2/3 + 0) / 2, not 2/4."""
    masks = torch.zeros(4, 10, 10, dtype=torch.bool)
    masks[:, :5] = True
    maps = torch.cat([peak(0, 0), peak(4, 9), peak(5, 0), peak(9, 9)])
    metric = PointingGame(num_classes=3)
    metric.update(maps[:2], masks[:2], torch.tensor([0, 0]))
    metric.update(maps[2:], masks[2:], torch.tensor([0, 2]))
    values = metric.compute()
    assert values["accuracy"].item() == pytest.approx(1 / 3)
    assert values["area"].item() == pytest.approx(0.5)
    assert values["classes"] == 2  # of three, one of which had no images


def test_invalid_inputs_are_refused():
    metric = PointingGame(num_classes=2)
    masks = torch.zeros(2, 10, 10, dtype=torch.bool)
    masks[0] = True
    metric.update(masks[:0].float(), masks[:0], torch.zeros(0, dtype=torch.int64))
    with pytest.raises(ValueError, match="PointingGame has seen no images"):
        metric.compute()
    with pytest.raises(ValueError, match=r"the masks of images \[1\] are empty"):
        metric.update(torch.cat([peak(0, 0), peak(1, 1)]), masks, torch.tensor([0, 1]))
    with pytest.raises(ValueError, match=r"maps \(1, 10, 10\) and masks \(1, 5, 5\) must have one shape"):
        metric.update(peak(0, 0), torch.ones(1, 5, 5, dtype=torch.bool), torch.tensor([0]))
    with pytest.raises(ValueError, match=r"targets must be one class for each of the 1 maps, got \(2,\)"):
        metric.update(peak(0, 0), masks[:1], torch.tensor([0, 1]))
    with pytest.raises(ValueError, match=r"targets must be classes from 0 to 1, got \[2\]"):
        metric.update(peak(0, 0), masks[:1], torch.tensor([2]))
    with pytest.raises(ValueError, match="`num_classes` must be at least 1 and `tolerance` at least 0 pixels"):
        PointingGame(num_classes=3, tolerance=-1)


@pytest.mark.parametrize(
    ("boxes", "message"),
    [
        (torch.tensor([[0.3, 0.2, 0.6, 0.9]]), "in pixels inside images of 4 × 4 and hold a pixel"),
        (torch.tensor([[0.0, 0.0, float("nan"), 2.0]]), "in pixels inside images of 4 × 4"),
        ([[0, 0, 2, 2]], r"a tensor \(N, 4\) .*, got list"),
        (torch.tensor([0, 0, 2, 2]), r"a tensor \(N, 4\) .*, got \(4,\)"),
    ],
)
def test_invalid_boxes_are_refused(boxes, message):
    with pytest.raises(ValueError, match=message):
        boxes_to_masks(boxes, (4, 4))
