from __future__ import annotations

import torch

from camaug import get_explainer
from camaug.explainers.methods.feature_maps import tile
from tests.explainers.raw_maps import raw_maps


def test_the_strongest_channels_come_first(net, images):
    features = net.body(net.stem(images)).detach()
    explanation = get_explainer("feature-maps", channels=4, columns=2)(net, images)
    grid = raw_maps("feature-maps", net, images, 0, channels=4, columns=2)
    assert grid.shape == (4, 8, 8)
    order = features.mean(dim=(2, 3)).argsort(dim=1, descending=True)
    for image in range(4):
        for index in range(4):
            cell = grid[image, 4 * (index // 2) :, 4 * (index % 2) :][:4, :4]
            channel = features[image, order[image, index]]
            stretched = (channel - channel.min()) / (channel.max() - channel.min()).clamp(min=1e-30)
            torch.testing.assert_close(cell, stretched)
    assert explanation.maps.shape == (4, 16, 16)


def test_tile_leaves_missing_cells_empty():
    assert tile(torch.ones(1, 3, 2, 2), columns=2)[0].tolist() == [[1] * 4] * 2 + [[1, 1, 0, 0]] * 2
