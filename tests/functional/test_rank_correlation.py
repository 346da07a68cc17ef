from __future__ import annotations

import pytest
import torch
from torchmetrics.functional import spearman_corrcoef

from camaug.functional.rank_correlation import rank_correlation


def line(*values: float) -> torch.Tensor:
    return torch.tensor(values).view(1, 1, -1)


def test_rank_correlation_of_swaps_and_ties():
    # Ranks 1 2 3 4 and 2 1 4 3: 1 - 6 * 4 / (4 * 15) = 0.6.
    torch.testing.assert_close(rank_correlation(line(0, 1, 2, 3), line(10, 0, 30, 20)), torch.tensor([0.6]))
    # Ties: ranks 1.5 1.5 3 4 and 1 2 3 4, centred (-1, -1, .5, 1.5) . (-1.5, -.5, .5, 1.5) = 4.5, norms² 4.5 and 5.
    expected = torch.tensor([4.5 / (4.5 * 5) ** 0.5])
    torch.testing.assert_close(rank_correlation(line(0, 0, 1, 2), line(5, 6, 7, 8)), expected)


def test_rank_correlation_against_torchmetrics_and_scipy():
    stats = pytest.importorskip("scipy.stats")
    maps, previous = torch.rand(5, 9, 11, dtype=torch.float64), torch.rand(5, 9, 11, dtype=torch.float64)
    maps, previous = (maps * 8).round() / 8, previous.clamp(min=0.4)  # many ties
    ours = rank_correlation(maps, previous)
    flat = [(a.flatten(), b.flatten()) for a, b in zip(maps, previous, strict=True)]
    by_scipy = torch.tensor([stats.spearmanr(a.numpy(), b.numpy()).statistic for a, b in flat])
    by_torchmetrics = torch.stack([spearman_corrcoef(a, b) for a, b in flat])
    torch.testing.assert_close(ours, by_scipy.float(), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(ours, by_torchmetrics.float(), rtol=1e-4, atol=1e-4)


def test_rank_correlation_of_constant_maps():
    constant, other = line(0, 0, 0), line(0, 1, 2)
    assert rank_correlation(constant, constant + 3).tolist() == [1.0]
    assert rank_correlation(constant, other).tolist() == [0.0]
    assert rank_correlation(other, constant).tolist() == [0.0]


@pytest.mark.parametrize("size", [(7, 7), (32, 32), (224, 224)])
def test_rank_correlation_is_1_for_monotone_maps_and_symmetric(size):
    maps, previous = torch.rand(2, *size), torch.rand(2, *size)
    torch.testing.assert_close(rank_correlation(maps, maps**3), torch.ones(2))
    assert torch.equal(rank_correlation(maps, previous), rank_correlation(previous, maps))
