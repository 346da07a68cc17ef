"""Every method on a transformer, whose layers output a class token and patch tokens."""

from __future__ import annotations

import copy

import pytest
import torch

from camaug import get_explainer, list_explainers
from camaug.explainers import LayerExplainer
from tests.small_explainers import small

SIZE = 64  # of the images of the fixture
CONVOLUTIONAL_ONLY = ["cam", "guided-backprop", "deconvnet", "guided-grad-cam"]


def small_at_a_block(name: str, **settings):
    layer = {"layer": "blocks.4"} if isinstance(get_explainer(name), LayerExplainer) else {}
    wrapped = (
        {"explainer": get_explainer("grad-cam", layer="blocks.4")} if hasattr(get_explainer(name), "inner") else {}
    )
    return small(name, **layer | wrapped | settings)


@pytest.mark.parametrize("name", sorted(set(list_explainers()) - set(CONVOLUTIONAL_ONLY)))
def test_maps_of_every_method(vit, vit_images, unchanged, name):
    explainer = small_at_a_block(name)
    with unchanged(vit):
        explanation = explainer(vit, vit_images, torch.tensor([1, 3]))
    assert explanation.maps.shape == (2, SIZE, SIZE)
    assert explanation.maps.isfinite().all()
    assert (explanation.maps.amax(dim=(1, 2)) > 0).any()
    torch.testing.assert_close(explanation.logits, vit(vit_images))
    exact, doubled = copy.deepcopy(vit).double(), vit_images.double()
    together = explainer(exact, doubled, torch.tensor([1, 3])).maps
    for image, target in ((0, 1), (1, 3)):
        alone = explainer(exact, doubled[image, None], target).maps[0]
        torch.testing.assert_close(alone, together[image], rtol=1e-4, atol=1e-4)
