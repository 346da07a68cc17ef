from __future__ import annotations

import torch

from camaug.functional.pixel_ranks import pixel_ranks


def test_ranks_follow_saliency():
    maps = torch.tensor([[[0.1, 0.9, 0.3], [0.5, -1.0, float("nan")]]])
    assert pixel_ranks(maps).tolist() == [[[3, 0, 2], [1, 5, 4]]]


def test_equal_pixels_come_in_random_order():
    ranks = pixel_ranks(torch.zeros(2, 20, 20))
    assert torch.equal(ranks[0], ranks[1])
    assert ranks[0].flatten().sort().values.tolist() == list(range(400))
    firsts = (ranks[0] < 100).nonzero().float()
    assert (firsts.mean(dim=0) - 9.5).abs().max() < 1.5  # spread over the image, not in its upper left corner
