from __future__ import annotations

import torch

from tests.explainers.raw_maps import TARGETS, raw_maps


def test_maps_without_noise_are_those_of_score_cam(net, images):
    expected = raw_maps("score-cam", net, images, TARGETS)
    torch.testing.assert_close(raw_maps("ss-cam", net, images, TARGETS, samples=3, std=0.0), expected)
    assert not torch.allclose(raw_maps("ss-cam", net, images, TARGETS, samples=3, std=1.0), expected, rtol=1e-3)
