"""Crops by saliency."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from camaug.augmentation.recipe import RecipeParams
from camaug.augmentation.recipes.avoid_crop import AvoidCrop
from camaug.augmentation.recipes.random_crop import RandomCrop
from camaug.augmentation.recipes.salient_crop import SalientCrop


def corner_maps(count: int = 64) -> torch.Tensor:
    maps = torch.zeros(count, 20, 30)
    maps[:, :6, :8] = 1.0
    return maps


def shares(recipe, maps):
    torch.manual_seed(0)
    regions = recipe.regions(maps)
    return (maps * regions.masks).sum((1, 2)) / maps.sum((1, 2))


def test_the_salient_crop_keeps_its_mass():
    maps = corner_maps()
    salient, avoiding, random = (shares(each(), maps) for each in (SalientCrop, AvoidCrop, RandomCrop))
    assert (salient >= 0.6).float().mean() > 0.9
    assert salient.mean() > random.mean() + 0.1 > avoiding.mean() + 0.2
    assert (avoiding <= 0.4).float().mean() > 0.9


def test_crops_have_the_settings_sizes():
    torch.manual_seed(0)
    boxes = SalientCrop(scale=(0.3, 0.5), ratio=(0.8, 1.25)).regions(corner_maps()).boxes[:, 0]
    top, left, height, width = boxes.T
    assert ((height * width / 600 > 0.27) & (height * width / 600 < 0.55)).all()
    assert (boxes >= 0).all()
    assert (top + height <= 20).all()
    assert (left + width <= 30).all()


@pytest.mark.parametrize("strength", [1.0, 0.5])
def test_images_by_hand(images, strength):
    recipe = SalientCrop()
    regions = recipe.regions(torch.rand(4, 16, 16))
    new = recipe.images(images, RecipeParams(torch.rand(4, 16, 16), regions, strength, lambda x: x))
    if strength == 1:
        for n, (top, left, height, width) in enumerate(regions.boxes[:, 0].tolist()):
            crop = images[n, None, :, top : top + height, left : left + width]
            torch.testing.assert_close(new[n], F.interpolate(crop, (16, 16), mode="bilinear")[0])
    assert new.shape == images.shape


@pytest.mark.parametrize(
    "settings",
    [{"mass": 2.0}, {"scale": (0.5, 0.3)}, {"scale": (0.0, 1.0)}, {"ratio": (2.0, 1.0)}, {"tries": 0}],
    ids=str,
)
def test_impossible_settings(settings):
    with pytest.raises(ValueError, match=next(iter(settings))):
        SalientCrop(**settings)
