from __future__ import annotations

import torch

from tests.explainers.raw_maps import one_channel_model, raw_maps


def test_maps_of_one_channel():
    image = torch.tensor([[[[3.0, -1.0], [-2.0, 5.0]]]])
    maps = raw_maps("hires-cam", one_channel_model(), image, 0, layer="0")
    assert maps.tolist() == [[[3.0, 1.0], [0.0, 0.0]]]
