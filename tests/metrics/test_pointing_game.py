from __future__ import annotations

import pytest
import torch

from camaug.metrics import (
    GridPointingGame,
    PointingGame,
    boxes_to_masks,
    choose_mosaics,
    energy_in_cell,
    mosaic,
    points_at,
)


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
def test_pointing_by_hand(at, tolerance, hit):
    masks = torch.zeros(1, 10, 10, dtype=torch.bool)
    masks[0, 0:3, 0:4] = True
    assert points_at(peak(*at), masks, tolerance).tolist() == [hit]


@pytest.mark.filterwarnings("default")
def test_against_quantus(net):
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


def test_a_flat_map_points_at_nothing():
    everything = torch.ones(2, 4, 4, dtype=torch.bool)
    assert points_at(torch.stack([torch.zeros(4, 4), torch.full((4, 4), 0.5)]), everything).tolist() == [False, False]


def test_boxes():
    masks = boxes_to_masks(torch.tensor([[0, 0, 3, 2], [1, 1, 4, 5]]), (5, 4))
    assert masks.sum(dim=(1, 2)).tolist() == [6, 12]
    assert masks[0, :2, :3].all()
    assert masks[1, 1:, 1:].all()
    for wrong in ([0, 0, 5, 2], [-1, 0, 2, 2], [2, 0, 2, 2], [0, 3, 2, 1]):
        with pytest.raises(ValueError, match=r"boxes must be .* in pixels inside images of 5 × 4"):
            boxes_to_masks(torch.tensor([wrong]), (5, 4))


def test_accuracy_of_each_class_first():
    """Three images of class 0, two hit; one of class 2, missed: (2/3 + 0) / 2, though half of the images are hit."""
    masks = torch.zeros(4, 10, 10, dtype=torch.bool)
    masks[:, :5] = True
    maps = torch.cat([peak(0, 0), peak(4, 9), peak(5, 0), peak(9, 9)])
    metric = PointingGame(num_classes=3)
    metric.update(maps[:2], masks[:2], torch.tensor([0, 0]))
    metric.update(maps[2:], masks[2:], torch.tensor([0, 2]))
    figures = metric.compute()
    assert figures["accuracy"].item() == pytest.approx(1 / 3)
    assert figures["area"].item() == pytest.approx(0.5)
    assert figures["classes"] == 2  # of three: that one had no images can be seen


def test_what_is_refused():
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
    with pytest.raises(ValueError, match=r"targets must name one class for each of the 1 maps, got \(2,\)"):
        metric.update(peak(0, 0), masks[:1], torch.tensor([0, 1]))
    with pytest.raises(ValueError, match=r"targets must be classes from 0 to 1, got \[2\]"):
        metric.update(peak(0, 0), masks[:1], torch.tensor([2]))
    with pytest.raises(ValueError, match="`num_classes` must be at least 1 and `tolerance` at least 0 pixels"):
        PointingGame(num_classes=3, tolerance=-1)


# Mosaics


def test_mosaic_by_hand():
    images = torch.arange(4.0).view(4, 1, 1, 1).expand(4, 2, 3, 5)
    whole = mosaic(images, 2)
    assert whole.shape == (2, 6, 10)
    assert whole[1, 0, 9] == 1
    assert whole[0, 5, 0] == 2
    assert mosaic(images, 2, keep_size=True).shape == (2, 3, 5)
    with pytest.raises(ValueError, match="a mosaic of 3 × 3 takes 9 images, got 4"):
        mosaic(images, 3)


def test_mass_in_cell_by_hand():
    maps = torch.zeros(1, 6, 10)
    maps[0, 0, 9], maps[0, 5, 0], maps[0, 5, 9] = 3, 1, -5
    assert [energy_in_cell(maps, torch.tensor([cell]), 2).item() for cell in range(4)] == [0, 0.75, 0.25, 0]
    assert energy_in_cell(torch.ones(1, 9, 9), torch.tensor([4]), 3).item() == pytest.approx(1 / 9)
    assert energy_in_cell(torch.zeros(1, 4, 4), torch.tensor([0]), 2).item() == 0


def test_mosaics_are_of_different_classes_and_confident():
    labels = torch.arange(40) % 5
    confidences = torch.where(torch.arange(40) < 30, 0.9, 0.1)
    chosen = choose_mosaics(confidences, labels, 2)
    assert len(chosen) >= 6
    used = [index for each in chosen for index in each]
    assert len(set(used)) == len(used)
    assert max(used) < 30
    assert all(len({int(labels[index]) for index in each}) == 4 for each in chosen)
    assert chosen == choose_mosaics(confidences, labels, 2)
    assert chosen != choose_mosaics(confidences, labels, 2, seed=1)
    with pytest.raises(ValueError, match=r"of 40 images 30, of 5 classes, have it: lower the threshold"):
        choose_mosaics(confidences, labels, 3)


def test_grid_pointing_game():
    metric = GridPointingGame(2)
    metric.update(torch.zeros(0, 4, 4), torch.zeros(0, dtype=torch.int64))
    with pytest.raises(ValueError, match="GridPointingGame has seen no images"):
        metric.compute()
    maps = torch.zeros(2, 4, 4)
    maps[0, 0, 0], maps[1, 3, 3] = 1, 1
    metric.update(maps, torch.tensor([0, 0]))
    assert metric.compute()["localisation"] == 0.5
    assert metric.compute()["chance"] == 0.25
    with pytest.raises(ValueError, match="cells must be between 0 and 3, got"):
        metric.update(maps, torch.tensor([0, 4]))
    with pytest.raises(ValueError, match="`n` must be at least 2 cells each way, got 1"):
        GridPointingGame(1)
