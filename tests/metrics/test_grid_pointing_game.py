from __future__ import annotations

import pytest
import torch

from camaug.metrics import GridPointingGame, choose_mosaics, energy_in_cell, mosaic


def test_a_mosaic_arranges_images_row_by_row():
    images = torch.arange(4.0).view(4, 1, 1, 1).expand(4, 2, 3, 5)
    arranged = mosaic(images, 2)
    assert arranged.shape == (2, 6, 10)
    assert arranged[1, 0, 9] == 1
    assert arranged[0, 5, 0] == 2
    assert mosaic(images, 2, keep_size=True).shape == (2, 3, 5)
    with pytest.raises(ValueError, match="a mosaic of 3 × 3 takes 9 images, got 4"):
        mosaic(images, 3)


def test_energy_in_each_cell():
    maps = torch.zeros(1, 6, 10)
    maps[0, 0, 9], maps[0, 5, 0], maps[0, 5, 9] = 3, 1, -5
    assert [energy_in_cell(maps, torch.tensor([cell]), 2).item() for cell in range(4)] == [0, 0.75, 0.25, 0]
    assert energy_in_cell(torch.ones(1, 9, 9), torch.tensor([4]), 3).item() == pytest.approx(1 / 9)
    assert energy_in_cell(torch.zeros(1, 4, 4), torch.tensor([0]), 2).item() == 0


def test_mosaics_hold_confident_images_of_different_classes():
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
    with pytest.raises(ValueError, match=r"30 of 40 images, of 5 classes, have it: lower the threshold"):
        choose_mosaics(confidences, labels, 3)


def test_localisation_is_the_mean_share_in_the_cells():
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
    with pytest.raises(ValueError, match="`n` must be at least 2 rows and columns, got 1"):
        GridPointingGame(1)


def test_invalid_cells_and_labels_are_refused():
    for cells, given in (([0, 1], "list"), (torch.rand(2), r"torch.float32 \(2,\)")):
        with pytest.raises(ValueError, match=f"integer cells .*, got .* and {given}"):
            GridPointingGame().update(torch.rand(2, 16, 16), cells)
    with pytest.raises(ValueError, match=r"must both be \(N,\), got \(3,\) and \(4,\)"):
        choose_mosaics(torch.rand(3), torch.arange(4))
