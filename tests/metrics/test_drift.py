from __future__ import annotations

import pytest
import torch

from camaug.metrics import Drift, rank_correlation, top_overlap


def line(*values: float) -> torch.Tensor:
    return torch.tensor(values).view(1, 1, -1)


def test_top_overlap_of_rolled_and_flipped_maps():
    maps = torch.arange(1.0, 11).view(1, 1, 10)
    assert top_overlap(maps, maps).tolist() == [1.0]
    # The highest two of ten are at positions 8 and 9; after rolling by one, 9 and 0.
    torch.testing.assert_close(top_overlap(maps, maps.roll(1)), torch.tensor([1 / 3]))
    assert top_overlap(maps, maps.flip(2)).tolist() == [0.0]
    torch.testing.assert_close(top_overlap(maps, maps.flip(2), share=0.6), torch.tensor([2 / 10]))


def test_top_overlap_ignores_positions_at_0():
    assert top_overlap(line(0, 0, 0, 0, 1), line(0, 0, 0, 0, 2)).tolist() == [1.0]
    assert top_overlap(line(0, 0, 0, 0, 0), line(0, 0, 0, 0, 2)).tolist() == [0.0]
    assert top_overlap(line(0, 0, 0, 0, 0), line(0, 0, 0, 0, 0)).tolist() == [1.0]


def test_metric_is_the_mean_over_batches():
    maps, previous = torch.rand(7, 6, 6), torch.rand(7, 6, 6)
    metric = Drift()
    for part in (slice(0, 2), slice(2, 7)):
        metric.update(maps[part], previous[part])
    values = metric.compute()
    torch.testing.assert_close(values["drift"], 1 - rank_correlation(maps, previous).mean())
    torch.testing.assert_close(values["overlap"], top_overlap(maps, previous).mean())


def test_metric_of_no_change_and_of_reversal():
    maps = torch.rand(3, 8, 8)
    metric = Drift()
    metric.update(maps, maps)
    assert metric.compute()["drift"].item() == pytest.approx(0, abs=1e-6)
    metric.reset()
    metric.update(maps, 1 - maps)
    values = metric.compute()
    assert values["drift"].item() == pytest.approx(2, abs=1e-6)
    assert values["overlap"] == 0


def test_maps_that_stay_constant_are_left_out():
    metric = Drift()
    ramp, zero = line(1, 2, 3, 4, 5), line(0, 0, 0, 0, 0)
    metric.update(torch.cat([ramp, zero]), torch.cat([ramp, zero + 1]))
    assert metric.count == 1
    assert metric.compute()["drift"].item() == pytest.approx(0)
    metric.reset()
    metric.update(zero, zero)
    with pytest.raises(ValueError, match="seen no images"):
        metric.compute()


def test_maps_that_become_constant_are_counted():
    metric = Drift()
    ramp = line(1, 2, 3, 4, 5)
    metric.update(torch.cat([ramp, torch.zeros_like(ramp)]), torch.cat([ramp, ramp]))
    values = metric.compute()
    assert metric.count == 2
    assert values["drift"].item() == pytest.approx(0.5)
    assert values["overlap"].item() == pytest.approx(0.5)


def test_a_reset_metric_has_no_images():
    metric = Drift()
    metric.update(torch.rand(2, 4, 4), torch.rand(2, 4, 4))
    metric.reset()
    assert metric.count == 0
    with (
        pytest.warns(UserWarning, match="was called before the"),
        pytest.raises(ValueError, match="Drift has seen no images: call update first"),
    ):
        metric.compute()


def test_shapes_that_differ_are_refused():
    with pytest.raises(ValueError, match=r"maps \(2, 4, 4\) and previous \(2, 4, 5\) must have one shape"):
        Drift().update(torch.rand(2, 4, 4), torch.rand(2, 4, 5))
