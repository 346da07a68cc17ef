from __future__ import annotations

import torch

from camaug.functional.random_masks import random_masks


def test_same_area_and_nothing_else_of_the_mask():
    masks = torch.zeros(200, 28, 28, dtype=torch.bool)
    masks[:, :14, :14] = True
    masks[7] = False
    masks[8] = True
    drawn = random_masks(masks)
    assert torch.equal(drawn.sum(dim=(1, 2)), masks.sum(dim=(1, 2)))
    # Independent of the mask: every pixel is True as often as the area says.
    frequency = drawn.float().mean(dim=0)
    assert abs(frequency[:14, :14].mean() - 0.25) < 0.04
    assert abs(frequency[14:, 14:].mean() - 0.25) < 0.04
    # In patches: most neighbours agree, as in a saliency map and unlike single pixels.
    assert (drawn[:, 1:] == drawn[:, :-1]).float().mean() > 0.9
    assert len(random_masks(masks[:0])) == 0


def test_more_cells_make_finer_patches():
    masks = torch.zeros(50, 28, 28, dtype=torch.bool)
    masks[:, :14] = True
    edges = [
        (drawn[:, 1:] != drawn[:, :-1]).float().mean() for drawn in (random_masks(masks, 4), random_masks(masks, 14))
    ]
    assert edges[0] < edges[1]


def test_reproducible_under_a_seed():
    masks = torch.rand(3, 14, 14) > 0.6
    torch.manual_seed(3)
    first = random_masks(masks)
    torch.manual_seed(3)
    assert torch.equal(first, random_masks(masks))
    assert not torch.equal(first, random_masks(masks))
