from __future__ import annotations

import pytest
import torch

from camaug import get_explainer
from camaug.explainers import GradCAM
from tests.explainers.raw_maps import TARGETS


def test_the_map_is_the_product_at_the_last_layer_of_each_resolution(net, images):
    explanation = get_explainer("refine-cam")(net, images, TARGETS)
    assert explanation.layers == ("body", "stem")
    product = GradCAM(layer=("body", "stem"), fuse="product")(net, images, TARGETS)
    torch.testing.assert_close(
        get_explainer("refine-cam", explainer="grad-cam")(net, images, TARGETS).maps, product.maps
    )
    assert get_explainer("refine-cam", count=1)(net, images, TARGETS).layers == ("body",)
    named = get_explainer("refine-cam", layers=["stem.0", net.body])(net, images, TARGETS)
    assert named.layers == ("stem.0", "body")


def test_methods_without_a_layer_are_refused():
    with pytest.raises(ValueError, match="refine-cam multiplies the maps of several layers, and 'rise' reads none"):
        get_explainer("refine-cam", explainer="rise")
