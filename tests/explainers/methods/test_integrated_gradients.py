from __future__ import annotations

import torch

from tests.explainers.raw_maps import TARGETS, gather_evidence, linear_model, raw_maps


def test_maps_of_a_linear_model_are_weights_times_images():
    model, images = linear_model(), torch.rand(2, 3, 6, 6)
    weights = model[1].weight.detach().view(4, 3, 6, 6)[[1, 2]]
    maps = raw_maps("integrated-gradients", model, images, torch.tensor([1, 2]), steps=2, clip=100)
    torch.testing.assert_close(maps, (weights * images).sum(dim=1).abs())


def test_attributions_sum_to_the_gain_in_score(net, images):
    net, images = net.double(), images.double()
    for baseline in (0.0, None, 0.7):
        explainer, evidence = gather_evidence(
            "integrated-gradients", net, images, TARGETS, steps=300, baseline=baseline
        )
        start = images.amin(dim=(2, 3), keepdim=True).expand_as(images) if baseline is None else images * 0 + baseline
        with torch.no_grad():
            gain = (net(images) - net(start)).gather(1, TARGETS[:, None])[:, 0]
            total = explainer.attributions(evidence).sum(dim=(1, 2, 3))
        torch.testing.assert_close(total, gain, rtol=0.02, atol=0.02)
