from __future__ import annotations

import pytest
import torch
from torch import nn

from camaug.inspection.feature_maps import channels_first, count_prefix_tokens, is_spatial, to_maps


def numbered(*shape: int) -> torch.Tensor:
    return torch.arange(torch.Size(shape).numel(), dtype=torch.float32).view(shape)


def test_channels_first_maps_are_returned_unchanged():
    features = numbered(2, 5, 4, 6)
    assert torch.equal(to_maps(features, (64, 96)), features)


@pytest.mark.parametrize(("shape", "size"), [((2, 4, 6, 5), (64, 96)), ((2, 7, 7, 64), (224, 224))])
def test_channels_last_becomes_channels_first(shape, size):
    features = numbered(*shape)
    assert torch.equal(to_maps(features, size), features.movedim(3, 1))
    assert torch.equal(channels_first(features, size), features.movedim(3, 1))


def test_equal_sides_are_read_as_channels_first():
    features = numbered(1, 7, 7, 7)
    assert torch.equal(channels_first(features, (224, 224)), features)


@pytest.mark.parametrize("prefix", [0, 1, 4, 5])
@pytest.mark.parametrize(("grid", "size"), [((4, 4), (64, 64)), ((3, 5), (48, 80)), ((6, 4), (96, 64))])
@pytest.mark.parametrize("is_given", [True, False])
def test_tokens_become_maps(prefix, grid, size, is_given):
    height, width = grid
    features = numbered(2, prefix + height * width, 3)
    maps = to_maps(features, size, prefix_tokens=prefix if is_given else None)
    assert maps.shape == (2, 3, height, width)
    for row in range(height):
        for column in range(width):
            assert torch.equal(maps[:, :, row, column], features[:, prefix + row * width + column])


@pytest.mark.parametrize("shape", [(2, 10), (2, 8, 1, 1), (2, 8, 1, 7), (2, 3, 4, 5, 6), (2, 11, 8)])
def test_features_that_are_not_spatial(shape):
    text = str(tuple(shape)).replace("(", r"\(").replace(")", r"\)")
    with pytest.raises(ValueError, match=rf"output of shape {text} is not spatial, expected .*: choose an earlier"):
        to_maps(torch.rand(shape), (64, 64), prefix_tokens=0)


def test_prefix_tokens_are_read_from_the_model():
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    assert count_prefix_tokens(model) is None
    model[1].num_prefix_tokens = 5
    assert count_prefix_tokens(model) == 5


@pytest.mark.parametrize(("grid", "expected"), [((2, 2), True), ((1, 8), False), ((8, 1), False), ((65, 32), False)])
def test_maps_are_spatial(grid, expected):
    assert is_spatial(torch.rand(1, 3, *grid), (64, 64)) is expected
