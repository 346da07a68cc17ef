from __future__ import annotations

import torch
from torch import nn

from camaug.explainers import GradCAM
from camaug.explainers.methods.grad_cam_plus_plus import plus_plus_weights
from tests.explainers.raw_maps import TARGETS, raw_maps
from tests.toys import Scale


def test_weights_of_two_positions():
    activations = torch.tensor([1.0, 3.0]).view(1, 1, 1, 2)
    g = torch.tensor([0.5, -1.0]).view(1, 1, 1, 2)
    # Of the first position: .25 / (.5 + 4 * .125) = .25, times .5; the second's gradient is negative.
    assert plus_plus_weights(activations, g, g**2, g**3).tolist() == [[0.125]]
    # A denominator of 0: 2 * .25 + (-4) * .125 = 0.
    assert plus_plus_weights(-activations, g.abs(), torch.tensor(0.25), torch.tensor(0.125)).tolist() == [[0.0]]


def test_gradients_whose_cubes_underflow(net, images):
    expected = raw_maps("grad-cam++", net.double(), images.double(), TARGETS)
    weak = nn.Sequential(net, Scale(1e-30))
    maps = raw_maps("grad-cam++", weak, images.double(), TARGETS)
    assert (maps > 0).any()
    # Alpha is 1 / (2 + g sum(A)), so tiny gradients make alpha one half.
    weights = GradCAM().gather(weak, weak, images.double(), TARGETS).gradients.relu().sum(dim=(2, 3)) / 2
    half = torch.einsum("nk,nkuv->nuv", weights, net.body(net.stem(images.double()))).detach()
    torch.testing.assert_close(maps / maps.amax(), half / half.amax())
    assert not torch.allclose(expected / expected.amax(), half / half.amax(), rtol=1e-3)
