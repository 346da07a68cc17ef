from __future__ import annotations

import pytest
import torch
from torchmetrics.functional import spearman_corrcoef

from camaug.metrics import Drift, rank_correlation, top_overlap


def line(*values: float) -> torch.Tensor:
    return torch.tensor(values).view(1, 1, -1)


def test_rank_correlation_by_hand():
    # Ranks 1 2 3 4 and 2 1 4 3: 1 - 6 * 4 / (4 * 15) = 0.6.
    torch.testing.assert_close(rank_correlation(line(0, 1, 2, 3), line(10, 0, 30, 20)), torch.tensor([0.6]))
    # Ties: ranks 1.5 1.5 3 4 and 1 2 3 4, centred (-1, -1, .5, 1.5) . (-1.5, -.5, .5, 1.5) = 4.5, norms² 4.5 and 5.
    expected = torch.tensor([4.5 / (4.5 * 5) ** 0.5])
    torch.testing.assert_close(rank_correlation(line(0, 0, 1, 2), line(5, 6, 7, 8)), expected)


def test_rank_correlation_by_torchmetrics_and_scipy():
    stats = pytest.importorskip("scipy.stats")
    maps, previous = torch.rand(5, 9, 11, dtype=torch.float64), torch.rand(5, 9, 11, dtype=torch.float64)
    maps, previous = (maps * 8).round() / 8, previous.clamp(min=0.4)  # many ties
    ours = rank_correlation(maps, previous)
    flat = [(a.flatten(), b.flatten()) for a, b in zip(maps, previous, strict=True)]
    by_scipy = torch.tensor([stats.spearmanr(a.numpy(), b.numpy()).statistic for a, b in flat])
    by_torchmetrics = torch.stack([spearman_corrcoef(a, b) for a, b in flat])
    torch.testing.assert_close(ours, by_scipy.float(), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(ours, by_torchmetrics.float(), rtol=1e-4, atol=1e-4)


def test_rank_correlation_of_flat_maps():
    flat, other = line(0, 0, 0), line(0, 1, 2)
    assert rank_correlation(flat, flat + 3).tolist() == [1.0]
    assert rank_correlation(flat, other).tolist() == [0.0]
    assert rank_correlation(other, flat).tolist() == [0.0]


@pytest.mark.parametrize("size", [(7, 7), (32, 32), (224, 224)])
def test_rank_correlation_is_1_with_itself_and_symmetric(size):
    maps, previous = torch.rand(2, *size), torch.rand(2, *size)
    torch.testing.assert_close(rank_correlation(maps, maps**3), torch.ones(2))
    assert torch.equal(rank_correlation(maps, previous), rank_correlation(previous, maps))


def test_top_overlap_by_hand():
    maps = torch.arange(1.0, 11).view(1, 1, 10)
    assert top_overlap(maps, maps).tolist() == [1.0]
    # The highest two of ten are the places 8 and 9; after rolling by one, 9 and 0.
    torch.testing.assert_close(top_overlap(maps, maps.roll(1)), torch.tensor([1 / 3]))
    assert top_overlap(maps, maps.flip(2)).tolist() == [0.0]
    torch.testing.assert_close(top_overlap(maps, maps.flip(2), share=0.6), torch.tensor([2 / 10]))


def test_top_overlap_counts_nothing_at_0():
    assert top_overlap(line(0, 0, 0, 0, 1), line(0, 0, 0, 0, 2)).tolist() == [1.0]
    assert top_overlap(line(0, 0, 0, 0, 0), line(0, 0, 0, 0, 2)).tolist() == [0.0]
    assert top_overlap(line(0, 0, 0, 0, 0), line(0, 0, 0, 0, 0)).tolist() == [1.0]


def test_metric_is_the_mean_over_images_however_they_come():
    maps, previous = torch.rand(7, 6, 6), torch.rand(7, 6, 6)
    metric = Drift()
    for part in (slice(0, 2), slice(2, 7)):
        metric.update(maps[part], previous[part])
    figures = metric.compute()
    torch.testing.assert_close(figures["drift"], 1 - rank_correlation(maps, previous).mean())
    torch.testing.assert_close(figures["overlap"], top_overlap(maps, previous).mean())


def test_metric_of_no_change_and_of_reversal():
    maps = torch.rand(3, 8, 8)
    metric = Drift()
    metric.update(maps, maps)
    assert metric.compute()["drift"].item() == pytest.approx(0, abs=1e-6)
    metric.reset()
    metric.update(maps, 1 - maps)
    figures = metric.compute()
    assert figures["drift"].item() == pytest.approx(2, abs=1e-6)
    assert figures["overlap"] == 0


def test_flat_maps_are_counted():
    metric = Drift()
    ramp = line(1, 2, 3, 4, 5)
    metric.update(torch.cat([ramp, torch.zeros_like(ramp)]), torch.cat([ramp, ramp]))
    figures = metric.compute()
    assert metric.count == 2
    assert figures["drift"].item() == pytest.approx(0.5)
    assert figures["overlap"].item() == pytest.approx(0.5)


def test_reset_and_no_images():
    metric = Drift()
    metric.update(torch.rand(2, 4, 4), torch.rand(2, 4, 4))
    metric.reset()
    assert metric.count == 0
    with (
        pytest.warns(UserWarning, match="was called before the"),
        pytest.raises(ValueError, match="Drift has seen no images: call update first"),
    ):
        metric.compute()


def test_shapes_that_differ():
    with pytest.raises(ValueError, match=r"maps \(2, 4, 4\) and previous \(2, 4, 5\) must have one shape"):
        Drift().update(torch.rand(2, 4, 4), torch.rand(2, 4, 5))
