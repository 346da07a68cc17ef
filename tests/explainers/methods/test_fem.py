from __future__ import annotations

import torch
from torch import nn

from camaug.explainers.methods.fem import rare_positions
from tests.explainers.raw_maps import raw_maps


def test_maps_of_two_channels():
    values = torch.zeros(1, 2, 2, 5)
    values[0, 0, 0, 0], values[0, 1, 1, 4] = 10, 20
    # Channel 0 has mean 1 and deviation 3, and 10 > 1 + 2 * 3; the weights are 1 and 2.
    marked = rare_positions(values, 2)
    assert marked.nonzero().tolist() == [[0, 0, 0, 0], [0, 1, 1, 4]]
    assert rare_positions(values, 3.5).eq(0).all()
    model = nn.Sequential(Constant(values), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2, 2))
    expected = torch.zeros(2, 5)
    expected[0, 0], expected[1, 4] = 1, 2
    torch.testing.assert_close(raw_maps("fem", model, torch.rand(1, 3, 4, 10), 0, layer="0")[0], expected)


class Constant(nn.Module):
    def __init__(self, values: torch.Tensor) -> None:
        super().__init__()
        self.values = values

    def forward(self, images):
        return self.values + 0 * images.mean()
