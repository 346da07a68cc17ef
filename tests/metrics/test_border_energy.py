"""Energy of heatmaps at the border."""

from __future__ import annotations

import pytest
import torch

from camaug.metrics import BorderEnergy, border_area, border_energy


def test_shares_by_hand():
    maps = torch.zeros(3, 10, 20)
    maps[0, 0, 3] = maps[0, 5, 10] = 1.0  # one of two at the border
    maps[1, 1, 2] = 1.0  # the first row and two columns are the border: this is inside
    assert border_energy(maps).tolist() == [0.5, 0.0, 0.0]
    assert border_area(10, 20) == pytest.approx(1 - 8 * 16 / 200)


def test_a_uniform_map_has_the_borders_area():
    assert float(border_energy(torch.ones(1, 30, 50))) == pytest.approx(border_area(30, 50))


def test_the_mean_over_batches_is_the_mean_over_images():
    maps = torch.rand(7, 12, 12)
    metric = BorderEnergy()
    for part in maps.split([1, 4, 2]):
        metric.update(part)
    assert float(metric.compute()["border_energy"]) == pytest.approx(float(border_energy(maps).mean()))


def test_maps_that_are_not_finite_are_refused():
    with pytest.raises(ValueError, match="NaN"):
        BorderEnergy().update(torch.full((1, 4, 4), torch.nan))
