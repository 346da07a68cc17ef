from __future__ import annotations

import torch
import torch.nn.functional as F

from tests.explainers.raw_maps import TARGETS, gather_evidence, raw_maps


def test_maps_are_the_product_of_both_methods(net, images):
    guided, evidence = gather_evidence("guided-backprop", net, images, TARGETS)
    cam = F.interpolate(raw_maps("grad-cam", net, images, TARGETS)[:, None], size=(16, 16), mode="bilinear")
    expected = (guided.attributions(evidence) * cam).abs().amax(dim=1)
    torch.testing.assert_close(
        raw_maps("guided-grad-cam", net, images, TARGETS, clip=100), expected, rtol=1e-4, atol=1e-7
    )
