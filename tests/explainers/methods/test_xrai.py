from __future__ import annotations

import pytest
import torch
from torch import nn

from camaug import get_explainer
from camaug.explainers.methods.xrai import grow_region, segments


def test_region_grows_by_mean_attribution():
    attribution = torch.tensor([[5.0, 3.0, 1.0, 1.0]]).numpy()
    rows = [[1, 0, 0, 0], [1, 1, 0, 0], [0, 0, 1, 1], [0, 1, 1, 0]]
    masks = [torch.tensor([row]).bool().numpy() for row in rows]
    # The order is 5, then 3 through the second mask, then the last two positions.
    assert grow_region(attribution, masks, smallest=1).tolist() == [[5.0, 3.0, 1.0, 1.0]]
    # Segments of at least two pixels: the left half with mean 4, then the right half with mean 1.
    assert grow_region(attribution, masks, smallest=2).tolist() == [[4.0, 4.0, 1.0, 1.0]]
    # Pixels in no segment have their own mean.
    assert grow_region(attribution, masks[:1], smallest=1).tolist() == [[5.0, *[pytest.approx(5 / 3)] * 3]]


def test_segments_cover_the_image_and_follow_its_edges():
    image = torch.zeros(3, 40, 40)
    image[:, :, 20:] = 1
    masks = torch.stack([torch.from_numpy(mask) for mask in segments(image, [50])])
    assert masks.any(dim=0).all()
    crossing = masks[:, :, :14].any(dim=(1, 2)) & masks[:, :, 26:].any(dim=(1, 2))  # they are widened by 5 pixels
    assert not crossing.any()


def test_the_map_is_highest_in_the_half_that_the_model_uses():
    def forward(images):
        right = images[:, :, :, 20:].mean(dim=(1, 2, 3))
        return torch.stack([right, -right], dim=1)

    image = torch.rand(1, 3, 40, 40, generator=torch.Generator().manual_seed(0)) * 0.1
    image[..., 20:] += 0.8
    maps = get_explainer("xrai", steps=4)(nn.Linear(1, 1), image, 0, forward=forward).maps[0]
    assert maps[:, 26:].amin() > maps[:, :14].amax()
