from __future__ import annotations

import torch

from camaug.functional.top_area import top_area


def test_against_sorting():
    maps = torch.rand(3, 9, 11)
    top = top_area(maps, 0.3)
    for saliency, mask in zip(maps, top, strict=True):
        threshold = saliency.flatten().sort(descending=True).values[round(0.3 * 99) - 1]
        assert torch.equal(mask, saliency >= threshold)


def test_limits():
    maps = torch.rand(2, 4, 4)
    assert not top_area(maps, 0.0).any()
    assert top_area(maps, 1.0).all()
    assert not top_area(torch.full((2, 4, 4), 0.5), 0.5).any()
    assert top_area(maps[:0], 0.5).shape == (0, 4, 4)
