from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from camaug.inspection.feature_grid import FeatureGrid
from camaug.inspection.reaches_score import reaches_score
from camaug.inspection.trace import trace


class TwoBranches(nn.Module):
    """One branch is added to the logits, the other is computed and dropped."""

    def __init__(self) -> None:
        super().__init__()
        self.used, self.dropped = nn.Conv2d(3, 5, 3), nn.Conv2d(3, 5, 3)
        self.clean = nn.Identity()

    def forward(self, images):
        self.dropped(images)
        return self.clean(self.used(images)).mean(dim=(2, 3))


def reaches(model, name, **settings):
    images = torch.rand(1, 3, 8, 8)
    with torch.no_grad():
        traced = trace(model, model, images)
        call = next(call for call in traced.calls if call.name == name)
        return reaches_score(model, traced, call, FeatureGrid((6, 6)), **settings)


@pytest.mark.parametrize("poison", [math.nan, 100.0])
def test_only_what_the_logits_depend_on_reaches_them(poison):
    model = TwoBranches()
    assert reaches(model, "used", poison=poison)
    assert not reaches(model, "dropped", poison=poison)
    assert not any(module._forward_hooks for module in model.modules())


def test_a_weight_of_zero_hides_nothing():
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(4, 5, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    nn.init.zeros_(model[1].weight)
    assert reaches(model, "0")
    assert not reaches(model, "0", poison=100.0)


def test_a_model_that_removes_nan_needs_a_finite_poison():
    model = TwoBranches()
    model.clean.forward = torch.nan_to_num
    assert not reaches(model, "used")
    assert reaches(model, "used", poison=100.0)


def test_a_model_that_raises_at_nan_has_read_it():
    def refuse(features):
        if features.isnan().any():
            raise RuntimeError("NaN")
        return features

    model = TwoBranches()
    model.clean.forward = refuse
    assert reaches(model, "used")


def test_logits_with_nan_show_no_dependence():
    model = TwoBranches()
    nn.init.constant_(model.used.weight, math.nan)
    assert reaches(model, "dropped")
