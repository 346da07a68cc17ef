from __future__ import annotations

import pytest
import torch

from camaug.inspection.feature_grid import FeatureGrid, guess_feature_grid, match_feature_grid


@pytest.fixture
def maps():
    return torch.randn(1, 5, 3, 4)


def tokens_of(maps):
    return maps.flatten(2).transpose(1, 2)


def test_feature_maps_are_recognised_by_their_values(maps):
    assert match_feature_grid(maps.clone(), maps).kind == "channels first"
    assert match_feature_grid(maps.permute(0, 2, 3, 1), maps).kind == "channels last"
    assert match_feature_grid(torch.randn(1, 5, 3, 4), maps) is None
    assert match_feature_grid(torch.randn(1, 7), maps) is None


def test_equal_first_positions_do_not_match(maps):
    other = torch.randn(1, 5, 3, 4)
    other[..., 0, 0] = maps[..., 0, 0]
    assert match_feature_grid(other, maps) is None
    assert match_feature_grid(other.permute(0, 2, 3, 1), maps) is None


def test_equal_sides_are_read_correctly():
    maps = torch.randn(1, 4, 4, 4)
    assert torch.equal(match_feature_grid(maps.permute(0, 2, 3, 1), maps).to_maps(maps.permute(0, 2, 3, 1)), maps)


@pytest.mark.parametrize("prefix", [0, 1, 5])
def test_tokens_in_order_are_a_view(maps, prefix):
    tokens = torch.cat([torch.randn(1, prefix, 5), tokens_of(maps)], dim=1)
    feature_grid = match_feature_grid(tokens, maps)
    assert feature_grid.kind == "tokens"
    assert torch.equal(feature_grid.to_maps(tokens), maps)
    assert feature_grid.to_maps(tokens).untyped_storage().data_ptr() == tokens.untyped_storage().data_ptr()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_tokens_in_any_order(maps, dtype):
    maps = maps.to(dtype)
    tokens = torch.cat([tokens_of(maps), torch.randn(1, 3, 5).to(dtype)], dim=1)[:, torch.randperm(15)]
    feature_grid = match_feature_grid(tokens, maps)
    assert torch.equal(feature_grid.to_maps(tokens), maps)
    gradient = torch.autograd.grad(feature_grid.to_maps(tokens.requires_grad_()).sum(), tokens)[0]
    assert gradient.sum() == maps.numel()
    assert (gradient[0, :, 0] == 0).sum() == 3


def test_equal_tokens_are_in_order():
    maps = torch.ones(1, 5, 3, 4)
    assert match_feature_grid(torch.ones(1, 12, 5), maps).tokens.tolist() == list(range(12))


def test_other_tokens_do_not_match(maps):
    assert match_feature_grid(torch.randn(1, 13, 5), maps) is None
    assert match_feature_grid(tokens_of(maps)[:, :11], maps) is None


def test_fill_keeps_other_tokens(maps):
    tokens = torch.cat([torch.randn(1, 2, 5), tokens_of(maps)], dim=1)
    filled = match_feature_grid(tokens, maps).fill(tokens, float("nan"))
    assert torch.equal(filled[:, :2], tokens[:, :2])
    assert filled[:, 2:].isnan().all()
    assert FeatureGrid((3, 4)).fill(maps, 7.0).eq(7).all()


@pytest.mark.parametrize(
    ("length", "size", "settings", "grid", "first"),
    [
        (17, (64, 64), {}, (4, 4), 1),
        (17, (64, 64), {"prefix_tokens": 1}, (4, 4), 1),
        (17, (64, 64), {"prefix_tokens": 2}, None, None),
        (23, (64, 64), {"sizes": [(8, 8), (3, 7)]}, (3, 7), 2),
        (23, (64, 64), {}, (4, 4), 7),
        (7, (64, 64), {"prefix_tokens": 0}, None, None),
    ],
)
def test_guessed_grids(length, size, settings, grid, first):
    guessed = guess_feature_grid(torch.randn(1, length, 5), size, **settings)
    if grid is None:
        assert guessed is None
    else:
        assert guessed.size == grid
        assert guessed.tokens.tolist() == list(range(first, first + grid[0] * grid[1]))
