from __future__ import annotations

import pytest
import torch

from camaug.explainers.noise import noisy_copies
from tests.explainers.raw_maps import TARGETS, gather_evidence, linear_model, raw_maps


def test_maps_of_a_linear_model_are_its_weights():
    model, images = linear_model(), torch.rand(2, 3, 6, 6)
    weights = model[1].weight.detach().view(4, 3, 6, 6)[[1, 2]]
    maps = raw_maps("smooth-grad", model, images, torch.tensor([1, 2]), samples=3, clip=100)
    torch.testing.assert_close(maps, weights.abs().amax(dim=1))


def test_attributions_are_the_mean_of_noisy_gradients(net, images):
    explainer, evidence = gather_evidence("smooth-grad", net, images, TARGETS, samples=4, noise=0.2)
    attributions = explainer.attributions(evidence)
    copies = list(noisy_copies(images, 4, 0.2, 0))
    total = 0
    for copy in copies:
        copy.requires_grad_()
        total += torch.autograd.grad(net(copy).gather(1, TARGETS[:, None]).sum(), copy)[0]
    torch.testing.assert_close(attributions, total / 4, rtol=1e-4, atol=1e-6)
    noise = (copies[0] - images).detach()[0]
    assert noise.std() == pytest.approx(0.2 * (images[0].max() - images[0].min()).item(), rel=0.1)
