from __future__ import annotations

import pytest
import torch

from camaug import get_explainer
from camaug.explainers import GradCAM
from camaug.explainers.methods.finer_cam import similar_classes
from tests.explainers.raw_maps import TARGETS


def test_without_comparison_the_map_equals_the_inner_methods_map(net, images):
    expected = GradCAM()(net, images, TARGETS)
    finer = get_explainer("finer-cam", gamma=0.0)(net, images, TARGETS)
    torch.testing.assert_close(finer.maps, expected.maps, rtol=1e-4, atol=1e-5)
    assert torch.equal(finer.targets, TARGETS)
    assert finer.layers == ("body",)
    strong = get_explainer("finer-cam", gamma=1.0, references=1)(net, images, TARGETS)
    logits = net(images)
    nearest = similar_classes(logits, TARGETS, 1)[:, 0]

    def margin(rows):
        return rows.gather(1, TARGETS[:, None])[:, 0] - rows.gather(1, nearest[:, None])[:, 0]

    torch.testing.assert_close(strong.maps, GradCAM()(net, images, margin).maps)


@pytest.mark.parametrize("outer", ["aug-smooth", "noise-smooth"])
def test_inside_another_wrapper_the_comparison_is_made_once(net, images, outer):
    """The classes of the image itself are compared in every copy."""
    settings = {"samples": 1, "noise": 0.0} if outer == "noise-smooth" else {"factors": [1.0]}
    maps = get_explainer(outer, explainer="finer-cam", **settings)(net, images, TARGETS).maps
    if outer == "noise-smooth":
        torch.testing.assert_close(maps, get_explainer("finer-cam")(net, images, TARGETS).maps, rtol=1e-4, atol=1e-5)
    assert maps.amax() == pytest.approx(1)


def test_all_other_classes_are_compared_where_there_are_few():
    assert similar_classes(torch.tensor([[1.0, 2.0]]), torch.tensor([1]), count=3).tolist() == [[0]]
