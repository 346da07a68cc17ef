from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F

from camaug.functional.recipes import (
    CONTROLS,
    check_recipe,
    energy_share,
    kept_pixels,
    mixed_labels,
    pair_consistency,
    random_masks,
)

MAPS = torch.tensor([[[0.0, 0.2], [0.9, 0.1]], [[1.0, 0.0], [0.0, 0.0]]])  # means 0.3 and 0.25
SALIENT = torch.tensor([[[False, False], [True, False]], [[True, False], [False, False]]])


@pytest.mark.parametrize(
    ("recipe", "kept"),
    [
        ("keep-salient", SALIENT),
        ("mix", SALIENT),
        ("paired", SALIENT),
        ("hide-salient", ~SALIENT),
        ("blur-everything", torch.zeros_like(SALIENT)),
        ("shuffled-maps", SALIENT.flip(0)),
    ],
)
def test_kept_places_by_hand(recipe, kept):
    assert torch.equal(kept_pixels(MAPS, recipe), kept)


def test_a_flat_map_chooses_nothing():
    flat = torch.full((2, 4, 4), 0.7)
    for recipe in ("keep-salient", "hide-salient", "random-mask", "shuffled-maps", "paired-random"):
        assert kept_pixels(flat, recipe).all(), recipe
    assert not kept_pixels(flat, "blur-everything").any()


def test_a_single_map_has_no_other_to_be_exchanged_for():
    assert kept_pixels(MAPS[:1], "shuffled-maps").all()


def test_random_masks_have_the_same_area_and_nothing_else_of_the_map():
    masks = torch.zeros(200, 28, 28, dtype=torch.bool)
    masks[:, :14, :14] = True
    masks[7] = False
    masks[8] = True
    drawn = random_masks(masks)
    assert torch.equal(drawn.sum(dim=(1, 2)), masks.sum(dim=(1, 2)))
    # Independent of the mask: a place is kept as often as the area says, wherever it lies.
    often = drawn.float().mean(dim=0)
    assert abs(often[:14, :14].mean() - 0.25) < 0.04
    assert abs(often[14:, 14:].mean() - 0.25) < 0.04
    # In patches: most neighbours agree, as in a saliency map and unlike single pixels.
    assert (drawn[:, 1:] == drawn[:, :-1]).float().mean() > 0.9
    assert len(random_masks(masks[:0])) == 0


def test_random_masks_are_reproducible():
    masks = torch.rand(3, 14, 14) > 0.6
    torch.manual_seed(3)
    first = random_masks(masks)
    torch.manual_seed(3)
    assert torch.equal(first, random_masks(masks))
    assert not torch.equal(first, random_masks(masks))


def test_mass_share_by_hand():
    assert energy_share(MAPS, SALIENT).tolist() == pytest.approx([0.75, 1.0])
    assert energy_share(torch.zeros(1, 2, 2), SALIENT[:1]).tolist() == [0.25]  # no mass: the area


def test_mixed_labels_by_hand():
    hard, donors = torch.tensor([0, 2]), torch.tensor([1, 2])
    kept, pasted = torch.tensor([0.3, 0.5]), torch.tensor([0.9, 0.5])
    expected = torch.tensor([[0.25, 0.75, 0.0], [0.0, 0.0, 1.0]])
    torch.testing.assert_close(mixed_labels(hard, donors, kept, pasted, 3), expected)
    soft = F.one_hot(hard, 3).float() * 0.7 + 0.1
    torch.testing.assert_close(
        mixed_labels(soft, F.one_hot(donors, 3), kept, pasted, 3)[0], torch.tensor([0.2, 0.775, 0.025])
    )
    assert torch.equal(
        mixed_labels(hard[:1], donors[:1], kept[:1] * 0, pasted[:1] * 0, 3), F.one_hot(hard[:1], 3).float()
    )


def test_pair_consistency_by_hand():
    """Between (1, 0) and (0, 1) the Jensen-Shannon divergence is ln 2, between equals 0."""
    sure = torch.tensor([[60.0, 0.0], [5.0, 1.0], [0.0, 60.0], [5.0, 1.0]])
    assert pair_consistency(sure, torch.tensor([0, 1])).item() == pytest.approx(math.log(2) / 2, rel=1e-5)
    assert pair_consistency(sure[:2], torch.tensor([], dtype=torch.int64)).item() == 0
    one, other = torch.tensor([0.9, 0.1]), torch.tensor([0.4, 0.6])
    middle = (one + other) / 2
    expected = ((one * (one / middle).log()).sum() + (other * (other / middle).log()).sum()) / 2
    found = pair_consistency(torch.stack([one, other]).log(), torch.tensor([0]))
    assert found.item() == pytest.approx(expected.item(), rel=1e-5)


def test_pair_consistency_pulls_both_answers_together():
    logits = torch.randn(6, 4, requires_grad=True)
    index = torch.tensor([2, 0])
    before = pair_consistency(logits, index)
    before.backward()
    assert (logits.grad[[0, 2, 4, 5]].abs().sum(dim=1) > 0).all()
    assert (logits.grad[[1, 3]] == 0).all()
    assert pair_consistency(logits - 0.5 * logits.grad, index) < before


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (("keep", 1, 1), "`recipe` must be one of keep-salient, .*, paired-random, got 'keep'"),
        (("mix", 1.5, 1), "`strength` must be between 0 and 1, got 1.5"),
        (("mix", 1, -0.1), "`share` must be between 0 and 1, got -0.1"),
    ],
)
def test_impossible_settings(settings, message):
    with pytest.raises(ValueError, match=message):
        check_recipe(*settings)
    for control in CONTROLS:
        check_recipe(control, 1, 1)
