from __future__ import annotations

import pytest
import torch

from camaug.functional.masks import binarise, mask_iou, upsample
from camaug.saliency_bank.maps_at_grid import maps_at_grid


@pytest.mark.parametrize("size", [(7, 7), (14, 21), (112, 112)])
def test_what_was_enlarged_is_got_back(size):
    small = torch.rand(3, 1, 7, 7)
    maps = upsample(small, size)[:, 0]
    kept = maps_at_grid(maps, (7, 7), enlarged=True)
    assert kept.dtype == torch.uint8
    assert (kept.float() / 255 - small[:, 0]).abs().max() < 0.5 / 255 + 1e-5
    again = upsample(kept.float()[:, None], size)[:, 0]
    assert mask_iou(binarise(maps), binarise(again)).min() > 0.96


def test_a_grid_finer_than_the_map_loses_nothing_either():
    maps = torch.rand(2, 6, 6)
    kept = maps_at_grid(maps, (12, 12), enlarged=True).float()
    assert (upsample(kept[:, None], (6, 6))[:, 0] / 255 - maps).abs().max() < 0.2


def test_maps_of_pixels_are_averaged_and_stretched():
    maps = torch.zeros(1, 4, 4)
    maps[0, 0, 0], maps[0, 2, 2] = 0.2, 0.1
    assert maps_at_grid(maps, (2, 2), enlarged=False).tolist() == [[[255, 0], [0, 128]]]
    assert maps_at_grid(torch.zeros(1, 4, 4), (2, 2), enlarged=False).max() == 0


def test_explanations_say_their_grid(net, images):
    from camaug import GradCAM, get_explainer

    assert GradCAM()(net, images).grid == (4, 4)
    assert GradCAM(layer=["body", "stem"])(net, images).grid == (8, 8)
    assert get_explainer("noise-smooth", samples=2)(net, images).grid == (4, 4)
    assert get_explainer("rise", masks=8, cells=4)(net, images).grid is None
