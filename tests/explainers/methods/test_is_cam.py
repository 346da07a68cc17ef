from __future__ import annotations

import torch

from tests.explainers.raw_maps import TARGETS, raw_maps


def test_maps_of_one_step_are_those_of_score_cam(net, images):
    expected = raw_maps("score-cam", net, images, TARGETS)
    torch.testing.assert_close(raw_maps("is-cam", net, images, TARGETS, steps=1), expected)
    assert not torch.allclose(raw_maps("is-cam", net, images, TARGETS, steps=3), expected, rtol=1e-3)
