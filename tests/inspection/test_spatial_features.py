from __future__ import annotations

import torch
from torch import nn

from camaug import spatial_features
from tests.inspection.architectures import ARCHITECTURES


def test_the_features_are_the_layers_output(net, images):
    expected = net.body(net.stem(images))
    assert torch.equal(spatial_features(net.train(), images), net.eval().body(net.stem(images)))
    features = spatial_features(net, images, layer="stem")
    assert torch.equal(features, net.stem(images))
    assert not features.requires_grad
    assert torch.equal(spatial_features(nn.DataParallel(net), images), expected)


def test_image_sizes_have_their_own_grids():
    model = ARCHITECTURES["class token, any size"].create()
    assert spatial_features(model, torch.rand(1, 3, 96, 160)).shape == (1, 64, 6, 10)
    assert spatial_features(model, torch.rand(1, 3, 160, 96)).shape == (1, 64, 10, 6)
    assert spatial_features(model, torch.rand(1, 3, 96, 160)).shape == (1, 64, 6, 10)
