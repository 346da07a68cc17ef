"""Compressed maps are restored within one 8-bit step, at the resolution of their layer."""

from __future__ import annotations

import pytest
import torch

from camaug.functional.masks import normalise, undo_upsample
from camaug.tensorboard.map_compression import compress_maps, restore_map
from camaug.tensorboard.stored_map import StoredMap
from tests.tensorboard.conftest import upsampled_maps


@pytest.mark.parametrize(
    ("grid", "size"), [((7, 7), (224, 224)), ((14, 14), (224, 224)), ((13, 5), (96, 200)), ((12, 12), (24, 24))]
)
def test_upsampled_grids_are_restored_within_one_8_bit_step(grid, size):
    maps = upsampled_maps(grid, size)
    stored = compress_maps(maps, grid)
    restored = torch.stack([restore_map(StoredMap.unpack(*each.pack()), size) for each in stored])
    assert {(each.height, each.width) for each in stored} <= {grid, size}
    if size[0] // grid[0] > 2:
        assert (stored[0].height, stored[0].width) == grid
    assert (restored - maps).abs().max() <= 1 / 255


def test_stored_grid_values_may_exceed_one():
    maps = upsampled_maps((7, 7), (28, 28))
    small = undo_upsample(maps, (7, 7))
    assert small.max() > 1.05
    assert max(each.high for each in compress_maps(maps, (7, 7))) == pytest.approx(small.max().item(), abs=1e-5)


def test_maps_that_are_no_upsampled_grid_keep_their_pixels():
    maps = normalise(torch.rand(2, 30, 40, generator=torch.Generator().manual_seed(0)))
    stored = compress_maps(maps, (7, 7))
    assert (stored[0].width, stored[0].height) == (40, 30)
    restored = torch.stack([restore_map(each, (30, 40)) for each in stored])
    assert (restored - maps).abs().max() <= 0.51 / 255


def test_pixel_level_maps_are_pooled_to_80_pixels():
    maps = torch.zeros(1, 160, 320)
    maps[0, :4, :4] = 1.0
    maps[0, 8:10, :4] = 1.0
    (stored,) = compress_maps(maps, None)
    assert (stored.width, stored.height, stored.low, stored.high) == (80, 40, 0, 1)
    assert stored.values[0] == 255
    assert stored.values[2 * 80] == 128  # half of the cell
    assert sum(stored.values) == 255 + 128


def test_an_empty_map_stays_empty():
    (stored,) = compress_maps(torch.zeros(1, 28, 28), (7, 7))
    assert stored == StoredMap(7, 7, 0.0, 1.0, bytes(49))
    assert restore_map(stored, (28, 28)).max() == 0
