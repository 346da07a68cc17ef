from __future__ import annotations

import pytest
import torch

from camaug import get_explainer, list_explainers
from camaug.explainers import GradCAM, LayerExplainer, Target, explainer_class
from camaug.explainers.layer_explainer import fuse_maps
from tests.explainers.raw_maps import TARGETS


@pytest.mark.parametrize("how", ["mean", "max", "product"])
def test_several_layers_are_fused(net, images, how):
    alone = [GradCAM(layer=layer)(net, images, TARGETS).maps for layer in ("stem", "body")]
    stacked = torch.stack(alone)
    fused = {"mean": stacked.mean(dim=0), "max": stacked.amax(dim=0), "product": stacked.prod(dim=0)}[how]
    low, high = fused.amin(dim=(1, 2), keepdim=True), fused.amax(dim=(1, 2), keepdim=True)
    explanation = GradCAM(layer=["stem", net.body], fuse=how)(net, images, TARGETS)
    assert explanation.layers == ("stem", "body")
    expected = torch.where(high > low, (fused - low) / (high - low), 0)
    torch.testing.assert_close(explanation.maps, expected, rtol=1e-3, atol=1e-4)


def test_the_maximum_of_two_normalised_maps():
    maps = [torch.tensor([[[0.0, 4.0]]]), torch.tensor([[[3.0, 1.0]]])]
    assert fuse_maps(maps, (1, 2), "max").tolist() == [[[1.0, 1.0]]]


LAYER_METHODS = [name for name in list_explainers() if issubclass(explainer_class(name), LayerExplainer)]


@pytest.mark.parametrize("name", sorted(set(LAYER_METHODS) - {"cam", "legrad"}))
def test_every_layer_method_takes_several_layers(net, images, name):
    settings = {"group-cam": {"groups": 4}, "ss-cam": {"samples": 1}, "is-cam": {"steps": 1}}.get(name, {})
    explanation = get_explainer(name, layer=("stem", "body"), **settings)(net, images)
    assert explanation.maps.isfinite().all()
    assert (explanation.maps.amax(dim=(1, 2)) == 1).any()


def test_a_target_that_does_not_depend_on_the_layer_is_refused(net, images):
    with pytest.raises(
        ValueError, match="the function given as `targets` does not depend on the target layer's output"
    ):
        GradCAM()(net, images, lambda logits: torch.ones(len(logits)))


def test_the_gradients_of_a_margin_are_the_difference_of_the_classes_gradients(net, images):
    explainer = get_explainer("grad-cam")
    with torch.no_grad():
        margin = explainer.gather(net, net, images, lambda logits: logits[:, 1] - logits[:, 4])
        first, second = (explainer.gather(net, net, images, target) for target in (1, 4))
    torch.testing.assert_close(margin.gradients, first.gradients - second.gradients)
    assert isinstance(margin.target, Target)
