"""Masks of the recipes, by hand."""

from __future__ import annotations

import pytest
import torch

from camaug.augmentation.recipes import as_recipe
from camaug.augmentation.recipes.hide_salient import HideSalient
from camaug.augmentation.recipes.mask_tune import MaskTune
from camaug.augmentation.recipes.paired import Paired
from camaug.augmentation.recipes.random_mask import RandomMask

MAPS = torch.tensor([[[0.0, 0.2], [0.9, 0.1]], [[1.0, 0.0], [0.0, 0.0]]])  # means 0.3 and 0.25
SALIENT = torch.tensor([[[False, False], [True, False]], [[True, False], [False, False]]])


@pytest.mark.parametrize(
    ("recipe", "masks"),
    [
        ("keep-salient", SALIENT),
        (Paired(view="keep-salient"), SALIENT),
        (HideSalient(area=0.25), ~SALIENT),
        (MaskTune(deviations=1), torch.tensor([[[True, True], [False, True]], [[True, True], [True, True]]])),
        ("blur-everything", torch.zeros_like(SALIENT)),
        ("shuffled-maps", SALIENT.flip(0)),
    ],
)
def test_masks_by_hand(recipe, masks):
    assert torch.equal(as_recipe(recipe).masks(MAPS), masks)


def test_a_constant_map_keeps_the_whole_image():
    constant = torch.full((2, 4, 4), 0.7)
    for recipe in ("keep-salient", "hide-salient", "hide-random", "random-mask", "shuffled-maps", "paired-random"):
        assert as_recipe(recipe).masks(constant).all(), recipe
    assert not as_recipe("blur-everything").masks(constant).any()


def test_a_single_map_cannot_be_shuffled():
    assert as_recipe("shuffled-maps").masks(MAPS[:1]).all()


def test_one_image_without_evidence_is_kept_beside_others():
    maps = torch.zeros(2, 4, 4)
    maps[1, 0, 0] = 1
    for recipe in ("keep-salient", "hide-salient", "mask-tune"):
        kept = as_recipe(recipe).masks(maps)
        assert kept[0].all()
    assert as_recipe("keep-salient").masks(maps)[1, 0, 0]
    assert not as_recipe("hide-salient").masks(maps)[1, 0, 0]


def test_random_masks_use_the_cells():
    maps = torch.rand(3, 28, 28)
    masks = []
    for cells in (7, 7, 3):
        torch.manual_seed(0)
        masks.append(RandomMask(cells=cells).masks(maps))
    assert torch.equal(masks[0], masks[1])
    assert not torch.equal(masks[0], masks[2])
