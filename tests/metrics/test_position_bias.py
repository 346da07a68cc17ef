from __future__ import annotations

from itertools import permutations

import pytest
import torch
from torch import Tensor

from camaug.metrics import PositionBias, position_bias, rank_correlation


def blobs(rows: Tensor, columns: Tensor, size: int = 32, width: float = 3.0) -> Tensor:
    """Return maps with a Gaussian at each of the given positions, in pixels."""
    pixels = torch.arange(size)
    down, across = (torch.exp(-(((pixels - centre[:, None]) / width) ** 2)) for centre in (rows, columns))
    return down[:, :, None] * across[:, None, :]


def by_pairs(maps: Tensor) -> float:
    """Compute the position bias of maps of 16 × 16 as its definition says, pair by pair."""

    def mean_correlation(*axes: int) -> float:
        pairs = list(permutations(range(len(maps)), 2))
        first, second = (maps[[pair[side] for pair in pairs]] for side in (0, 1))
        return float(rank_correlation(first, second.flip(axes)).mean())

    return mean_correlation() - max(mean_correlation(1), mean_correlation(2), mean_correlation(1, 2))


def test_it_is_the_mean_over_pairs_of_images():
    maps = torch.rand(5, 16, 16, generator=torch.Generator().manual_seed(0)) + blobs(
        torch.full((5,), 3), torch.full((5,), 12), 16
    )
    assert float(position_bias(maps)) == pytest.approx(by_pairs(maps), abs=1e-5)


def test_the_same_corner_in_every_image_is_a_bias_and_its_position_is_named():
    metric = PositionBias()
    metric.update(blobs(torch.full((8,), 27), torch.full((8,), 28)))
    assert metric.compute()["position_bias"] > 0.8
    assert metric.describe_position() == "bottom right"


def test_centred_maps_lower_halves_and_noise_have_no_bias():
    generator = torch.Generator().manual_seed(0)
    jitter = torch.randn(2, 16, generator=generator)
    centred = blobs(15.5 + jitter[0], 15.5 + jitter[1], width=8)
    lower = blobs(24 + jitter[0], 15.5 + 3 * jitter[1], width=6)
    anywhere = blobs(*(32 * torch.rand(2, 16, generator=generator)))
    noise = torch.rand(16, 32, 32, generator=generator)
    for maps in (centred, lower, anywhere, noise):
        assert float(position_bias(maps)) < 0.05


def test_a_corner_beside_an_object_is_a_bias():
    generator = torch.Generator().manual_seed(0)
    objects = blobs(*(8 + 16 * torch.rand(2, 16, generator=generator)))
    assert float(position_bias(objects)) < 0.05
    assert float(position_bias(objects + blobs(torch.full((16,), 4), torch.full((16,), 4)))) > 0.2


def test_batches_are_added_and_constant_maps_have_nothing_in_common():
    maps = torch.rand(6, 20, 24)
    metric = PositionBias()
    for part in maps.split(4):
        metric.update(part)
    torch.testing.assert_close(metric.compute()["position_bias"], position_bias(maps))
    assert float(position_bias(torch.zeros(4, 8, 8))) == 0


@pytest.mark.parametrize(
    ("maps", "message"),
    [
        (torch.rand(1, 8, 8), "compares the maps of two or more images, got 1"),
        (torch.rand(8, 8), r"`maps` must be \(N, H, W\), got \(8, 8\)"),
        (torch.full((2, 8, 8), torch.nan), r"the maps \[0, 1\] are not finite"),
    ],
)
def test_impossible_maps_are_errors(maps, message):
    with pytest.raises(ValueError, match=message):
        position_bias(maps)
