"""The contract of every registered recipe."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import nn

from camaug import GroupCAM, GroupCamTransform
from camaug.augmentation.mixed_labels import MixedLabels
from camaug.augmentation.recipe import Recipe
from camaug.augmentation.recipes import as_recipe, list_recipes
from tests.toys import certain_recipe

CLASSES = 5
LABELS = torch.tensor([0, 3, 2, 4])
SETTINGS = {"blur_kernel_size": 5, "blur_sigma": 2.0, "fast": False}


@pytest.fixture(params=list_recipes())
def recipe(request) -> Recipe:
    return certain_recipe(request.param)


def maps_of(count: int) -> torch.Tensor:
    """Return maps with evidence in another quarter of each image."""
    maps = torch.zeros(count, 16, 16)
    for n in range(count):
        row, column = 8 * (n // 2 % 2), 8 * (n % 2)
        maps[n, row : row + 8, column : column + 8] = torch.linspace(0.3, 0.4, 64).view(8, 8)
        maps[n, row + 2 : row + 4, column + 2 : column + 4] = 1.0
    return maps


def augment(recipe: Recipe, images, labels=None, maps=None, **settings):
    """Augment images by given maps, without a call of the model."""
    transform = GroupCamTransform(nn.Identity(), GroupCAM(groups=4), recipe=recipe, **{**SETTINGS, **settings})
    labels = LABELS[: len(images)] if labels is None else labels
    return transform.augment([images, labels], maps_of(len(images)) if maps is None else maps)


def weights_of(labels):
    """Return the weight that a loss gives to each class of each image, (N, classes)."""
    logits = torch.zeros(len(labels), CLASSES, requires_grad=True)
    rows = nn.functional.one_hot(labels, CLASSES) if labels.dim() == 1 else labels
    (logits * rows).sum().backward()
    return logits.grad


def test_it_is_a_frozen_dataclass_with_a_name(recipe):
    assert dataclasses.is_dataclass(recipe)
    assert recipe.name in list_recipes()
    assert type(as_recipe(recipe.name)) is type(recipe)
    assert as_recipe(recipe) is recipe
    with pytest.raises(dataclasses.FrozenInstanceError):
        recipe.anything = 1
    assert type(recipe).__module__.endswith(recipe.name.replace("-", "_"))
    assert type(recipe).__doc__


def test_masks_are_boolean_and_of_the_maps_shape(recipe):
    for count in (0, 1, 4):
        masks = recipe.regions(maps_of(count)).masks
        assert masks.dtype == torch.bool
        assert masks.shape == (count, 16, 16)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
def test_shapes_types_and_labels(recipe, images, dtype):
    images = images.to(dtype)
    augmented = augment(recipe, images)
    new, labels = augmented.batch
    count = 8 if recipe.adds_masked_views else 4
    assert new is augmented.images
    assert new.dtype == dtype
    assert new.shape == (count, 3, 16, 16)
    assert new.isfinite().all()
    assert augmented.changed.shape == images.shape
    assert augmented.maps.shape == augmented.masks.shape == (4, 16, 16)
    if recipe.mixes_labels:
        assert torch.equal(labels, LABELS)
        assert isinstance(labels, MixedLabels)
        assert not torch.equal(weights_of(labels), weights_of(LABELS))
    else:
        assert torch.equal(labels, LABELS.repeat(count // 4))
        assert type(labels) is torch.Tensor
    assert not torch.equal(augmented.changed, images)


def test_the_given_batch_is_unchanged(recipe, images):
    images_before, maps = images.clone(), maps_of(4)
    augmented = augment(recipe, images, maps=maps)
    assert augmented.images.data_ptr() != images.data_ptr()
    augmented.images.zero_()
    assert torch.equal(images, images_before)
    assert torch.equal(LABELS, torch.tensor([0, 3, 2, 4]))
    assert torch.equal(maps, maps_of(4))


def test_images_not_chosen_are_untouched(recipe):
    images, labels = torch.rand(32, 3, 16, 16), torch.arange(32) % CLASSES
    augmented = augment(recipe, images, labels, share=0.5)
    others = torch.ones(32, dtype=torch.bool).index_fill(0, augmented.index, False)
    assert 0 < others.sum() < 32
    new_images, new_labels = augmented.batch
    assert torch.equal(new_images[:32][others], images[others])
    assert torch.equal(weights_of(new_labels)[:32][others], weights_of(labels)[others])
    if recipe.adds_masked_views:
        assert torch.equal(new_images[:32], images)
        assert torch.equal(new_labels[32:], labels[augmented.index])


@pytest.mark.parametrize("settings", [{"strength": 0.0}, {"share": 0.0}], ids=str)
def test_strength_or_share_of_zero_changes_nothing(recipe, images, settings):
    augmented = augment(recipe, images, **settings)
    new, labels = augmented.batch
    assert torch.equal(augmented.changed, images[augmented.index])
    assert torch.equal(new[:4], images)
    torch.testing.assert_close(weights_of(labels), weights_of(LABELS).repeat(len(new) // 4, 1))


def test_strength_in_between(recipe, images):
    torch.manual_seed(0)
    whole = augment(recipe, images).changed
    torch.manual_seed(0)
    half = augment(recipe, images, strength=0.5).changed
    assert not torch.equal(half, whole)
    assert not torch.equal(half, images)


@pytest.mark.parametrize("count", [0, 1])
def test_a_batch_of_one_or_none(recipe, images, count):
    augmented = augment(recipe, images[:count])
    new, labels = augmented.batch
    assert len(new) == len(labels) == count * (2 if recipe.adds_masked_views else 1)
    assert new.isfinite().all()


def test_labels_that_are_probabilities(recipe, images):
    soft = torch.full((4, CLASSES), 0.1).scatter_(1, LABELS[:, None], 0.6)
    _, labels = augment(recipe, images, soft).batch
    assert labels.shape == (8 if recipe.adds_masked_views else 4, CLASSES)
    assert labels.isfinite().all()


def test_deterministic_under_a_seed(recipe, images):
    results = []
    for _ in range(2):
        torch.manual_seed(5)
        results.append(augment(recipe, images, share=0.7))
    assert torch.equal(results[0].images, results[1].images)
    assert torch.equal(results[0].masks, results[1].masks)
    assert torch.equal(results[0].batch[1], results[1].batch[1])


def test_images_and_labels_draw_nothing(recipe, images):
    """All random numbers come from the masks, so that a call can be repeated with the same parameters."""
    transform = GroupCamTransform(nn.Identity(), GroupCAM(groups=4), recipe=recipe, **SETTINGS)
    params = transform.make_params([images, LABELS], maps_of(4))
    state = torch.get_rng_state()
    first, second = (transform.transform(images, params) for _ in range(2))
    transform.relabel(LABELS, params)
    assert torch.equal(first, second)
    assert torch.equal(torch.get_rng_state(), state)


def test_a_batch_without_evidence_is_unchanged_if_maps_are_needed(recipe, images):
    augmented = augment(recipe, images, maps=torch.zeros(4, 16, 16))
    assert torch.equal(augmented.changed, images) == recipe.needs_maps
    labels = augmented.batch[1]
    assert torch.equal(weights_of(labels)[:4], weights_of(LABELS))


def test_the_model_is_called_only_if_maps_are_needed(recipe, images):
    class Unused(nn.Module):
        def forward(self, batch):
            raise AssertionError("the model was called")

    transform = GroupCamTransform(Unused(), recipe=recipe, **SETTINGS)
    if recipe.needs_maps:
        with pytest.raises(Exception, match=r"the model was called|no layer"):
            transform(images, LABELS)
    else:
        assert not torch.equal(transform(images, LABELS)[0], images)
