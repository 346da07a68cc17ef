from __future__ import annotations

import torch

from camaug import get_explainer
from camaug.explainers import GradCAM
from tests.explainers.raw_maps import TARGETS


def test_without_noise_the_map_equals_the_inner_methods_map(net, images):
    expected = GradCAM()(net, images, TARGETS).maps
    torch.testing.assert_close(get_explainer("noise-smooth", samples=2, noise=0.0)(net, images, TARGETS).maps, expected)
    assert not torch.allclose(get_explainer("noise-smooth", noise=0.5)(net, images, TARGETS).maps, expected, atol=1e-3)
