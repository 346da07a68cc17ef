from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from camaug import GradCAM, get_explainer

WRAPPERS = ("aug-smooth", "eigen-smooth", "finer-cam", "noise-smooth", "verified-cam")


@pytest.mark.parametrize("name", WRAPPERS)
def test_the_layer_is_the_inner_methods(name, net, images):
    short = get_explainer(name, layer="stem")(net, images, 1)
    long = get_explainer(name, explainer=GradCAM(layer="stem"))(net, images, 1)
    assert short.layers == long.layers == ("stem",)
    assert torch.equal(short.maps, long.maps)
    assert replace(get_explainer(name), layer="stem") == get_explainer(name, layer="stem")


def test_a_wrapper_passes_the_layer_on_to_a_wrapper(net, images):
    explainer = get_explainer("aug-smooth", explainer="finer-cam", layer="stem")
    assert explainer(net, images, 1).layers == ("stem",)


def test_a_method_without_layer_takes_none():
    with pytest.raises(
        ValueError, match="`layer` is the target layer of the inner method, and gradient reads no layer"
    ):
        get_explainer("aug-smooth", explainer="gradient", layer="stem")


def test_refine_cam_takes_several_layers_only():
    with pytest.raises(ValueError, match="give `layers`, not `layer`"):
        get_explainer("refine-cam", layer="stem")
