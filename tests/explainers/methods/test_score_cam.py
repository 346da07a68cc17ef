from __future__ import annotations

import torch
from torch import nn

from tests.explainers.raw_maps import raw_maps


def test_maps_of_two_halves():
    """The channels are the left and the right half of the image, and the logit is the left half's mean."""
    model = HalvesNet()
    image = torch.ones(1, 1, 4, 4)
    # The logit is 2 through the left mask and 0 through the right one.
    weights = torch.tensor([2.0, 0.0]).softmax(dim=0)
    expected = torch.cat([weights[0].expand(4, 2), weights[1].expand(4, 2)], dim=1)
    torch.testing.assert_close(raw_maps("score-cam", model, image, 0, layer="halves")[0], expected)


class HalvesNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.halves = Halves()

    def forward(self, images):
        left = self.halves(images)[:, 0].sum(dim=(1, 2)) / 4
        return torch.stack([left, -left], dim=1)


class Halves(nn.Module):
    def forward(self, images):
        left = torch.zeros_like(images)
        left[..., : images.shape[-1] // 2] = 1
        return torch.cat([images * left, images * (1 - left)], dim=1)
