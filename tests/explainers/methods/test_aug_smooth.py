from __future__ import annotations

import torch

from camaug import get_explainer
from camaug.explainers import GradCAM
from tests.explainers.raw_maps import TARGETS


def test_the_map_is_the_mean_over_the_copies(net, images):
    def map_of(batch):
        return GradCAM()(net, batch, TARGETS).maps

    views = [map_of(factor * images) for factor in (0.5, 1.0)]
    views += [map_of(factor * images.flip(-1)).flip(-1) for factor in (0.5, 1.0)]
    mean = torch.stack(views).mean(dim=0)
    low, high = mean.amin(dim=(1, 2), keepdim=True), mean.amax(dim=(1, 2), keepdim=True)
    maps = get_explainer("aug-smooth", factors=[0.5, 1.0])(net, images, TARGETS).maps
    torch.testing.assert_close(maps, (mean - low) / (high - low).clamp(min=1e-30), rtol=1e-3, atol=1e-4)
