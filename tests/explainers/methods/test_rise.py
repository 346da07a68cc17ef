from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from camaug import get_explainer
from camaug.explainers.methods.rise import random_masks


def test_random_masks_have_the_given_mean_and_random_shifts():
    masks = random_masks(2000, (20, 30), 5, 0.3, torch.Generator().manual_seed(0))
    assert masks.shape == (2000, 20, 30)
    assert masks.amin() == 0
    assert masks.amax().item() == pytest.approx(1)
    torch.testing.assert_close(masks.mean(dim=0), torch.full((20, 30), 0.3), rtol=0, atol=0.06)
    shifts = masks[:, 10].diff(dim=1).abs().argmax(dim=1)
    assert len(shifts.unique()) > 10


def test_the_map_of_a_constant_model_is_the_mean_of_the_masks():
    """All masks have the same weight: the map is their mean, over p."""

    def forward(images):
        return torch.zeros(len(images), 2)

    masks = random_masks(40, (16, 16), 4, 0.5, torch.Generator().manual_seed(3))
    explainer = get_explainer("rise", masks=40, cells=4, seed=3)
    maps = explainer(nn.Linear(1, 1), torch.rand(1, 3, 16, 16), 0, forward=forward).maps
    mean = masks.mean(dim=0)
    torch.testing.assert_close(maps[0], (mean - mean.min()) / (mean.max() - mean.min()), rtol=1e-4, atol=1e-5)


def test_the_map_is_highest_in_the_corner_that_the_model_uses():
    def forward(images):
        corner = 8 * (images[:, :, 16:, :16].mean(dim=(1, 2, 3)) - 0.5)
        return torch.stack([corner, -corner], dim=1)

    maps = get_explainer("rise", masks=1000)(nn.Linear(1, 1), torch.ones(1, 3, 32, 32), 0, forward=forward).maps
    quadrants = F.avg_pool2d(maps, 16)[0]
    assert quadrants.argmax() == 2
    assert quadrants[1, 0] > 1.5 * quadrants[0, 1]
