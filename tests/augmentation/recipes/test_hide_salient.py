"""Hiding of the most salient pixels, and its control."""

from __future__ import annotations

import pytest
import torch

from camaug import GradCAM, GroupCamTransform
from camaug.augmentation.recipes.hide_random import HideRandom
from camaug.augmentation.recipes.hide_salient import HideSalient
from camaug.augmentation.recipes.mask_tune import MaskTune

LABELS = torch.tensor([0, 3, 2, 4])


@pytest.mark.parametrize("area", [0.1, 0.25, 0.5])
def test_the_area_is_hidden_where_the_map_is_highest(area):
    maps = torch.rand(3, 20, 30)
    hidden = ~HideSalient(area=area).masks(maps)
    assert (hidden.sum((1, 2)) == round(600 * area)).all()
    for saliency, mask in zip(maps, hidden, strict=True):
        assert saliency[mask].min() > saliency[~mask].max()


@pytest.mark.parametrize("filling", ["blur", "mean", "noise", "image"])
def test_what_replaces_the_pixels(net, images, filling):
    transform = GroupCamTransform(net, recipe=HideSalient(filling=filling), blur_kernel_size=5, fast=False)
    params = transform.make_params([images, LABELS])
    new, masks = transform.transform(images, params), params["regions"].masks
    has_evidence = ~masks.all((1, 2))
    assert has_evidence.sum() >= 2
    for n in has_evidence.nonzero()[:, 0].tolist():
        assert torch.equal(new[n][:, masks[n]], images[n][:, masks[n]])
        replaced = new[n][:, ~masks[n]]
        if filling == "mean":
            torch.testing.assert_close(replaced, images[n].mean((1, 2))[:, None].expand_as(replaced))
        elif filling == "image":
            assert torch.equal(replaced, images[n - 1][:, ~masks[n]])
        elif filling == "noise":
            assert replaced.std() > 0.5 * images[n].std()
    assert torch.equal(new, transform.transform(images, params))


def test_the_control_hides_the_same_shape_elsewhere():
    maps = torch.zeros(8, 20, 20)
    maps[:, 3:8, 4:10] = torch.linspace(0.5, 1, 30).view(5, 6)
    torch.manual_seed(0)
    hidden, elsewhere = (~recipe(area=0.075).masks(maps) for recipe in (HideSalient, HideRandom))
    assert torch.equal(hidden.sum((1, 2)), elsewhere.sum((1, 2)))
    assert not torch.equal(hidden, elsewhere)
    for mask, moved in zip(hidden, elsewhere, strict=True):
        assert any(
            torch.equal(mask.roll((rows, columns), (0, 1)), moved) for rows in range(20) for columns in range(20)
        )


def test_the_runner_ups_evidence(net, images):
    transform = GroupCamTransform(net, recipe=HideSalient(explains="runner-up"), fast=False)
    with torch.no_grad():
        others = net(images).scatter(1, LABELS[:, None], -torch.inf).argmax(1)
    expected = GradCAM()(net, images, others).maps
    torch.testing.assert_close(transform.explain(images, LABELS).maps, expected)


def test_mask_tune_hides_outliers_of_the_positive_values():
    maps = torch.zeros(1, 10, 10)
    maps[0, 0, :9], maps[0, 5, 5] = 0.1, 1.0  # mean 0.19, standard deviation 0.27
    hidden = ~MaskTune().masks(maps)
    assert hidden.nonzero().tolist() == [[0, 5, 5]]


def test_impossible_area():
    with pytest.raises(ValueError, match="`area` must be between 0 and 1, got 2"):
        HideSalient(area=2.0)
