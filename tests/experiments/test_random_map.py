"""The random map, the control of the experiments."""

from __future__ import annotations

import pytest
import torch

from camaug.experiments import RandomMap


def test_random_maps_depend_only_on_the_bytes_of_the_image(net, images, unchanged):
    with unchanged(net):
        maps = RandomMap()(net, images).maps
    assert maps.shape == (4, 16, 16)
    assert len({tuple(each.flatten().tolist()) for each in maps}) == 4  # different for each image
    alone = RandomMap()(net, images[2:3], targets=3).maps
    assert torch.equal(alone[0], maps[2])  # in any batch and for any class
    assert not torch.equal(RandomMap(seed=1)(net, images).maps, maps)


def test_random_maps_point_nowhere_in_the_mean(net):
    images = torch.rand(400, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    mean = RandomMap(cells=4)(net, images).maps.mean(dim=0)
    assert float(mean.max() - mean.min()) < 0.2


def test_random_maps_of_one_cell_are_refused():
    with pytest.raises(ValueError, match="`cells` must be at least 2, got 1"):
        RandomMap(cells=1)
