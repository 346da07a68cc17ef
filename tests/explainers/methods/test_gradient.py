from __future__ import annotations

import torch

from tests.explainers.raw_maps import TARGETS, linear_model, raw_maps


def test_the_gradient_of_a_linear_model_is_its_weights():
    model, images = linear_model(), torch.rand(2, 3, 6, 6)
    weights = model[1].weight.detach().view(4, 3, 6, 6)[[1, 2]]
    maps = raw_maps("gradient", model, images, torch.tensor([1, 2]), clip=100)
    torch.testing.assert_close(maps, weights.abs().amax(dim=1))


def test_maps_in_float64_against_autograd(net, images):
    net, images = net.double(), images.double().requires_grad_()
    (expected,) = torch.autograd.grad(net(images).gather(1, TARGETS[:, None]).sum(), images)
    torch.testing.assert_close(
        raw_maps("gradient", net, images.detach(), TARGETS, clip=100), expected.abs().amax(dim=1)
    )
