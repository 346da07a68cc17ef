from __future__ import annotations

import pytest
import torch
from torch import nn

from camaug import get_explainer
from camaug.explainers import CAM, GradCAM
from camaug.explainers.methods.cam import pooled_head
from tests.explainers.raw_maps import TARGETS, raw_maps


@pytest.mark.parametrize("name", ["grad-cam", "x-grad-cam", "hires-cam", "shapley-cam"])
def test_other_methods_equal_cam_where_the_head_is_pooling_and_one_linear_layer(net, images, name):
    expected = CAM()(net, images, TARGETS).maps
    torch.testing.assert_close(get_explainer(name)(net, images, TARGETS).maps, expected, rtol=1e-4, atol=1e-5)


def test_maps_of_two_channels():
    model = nn.Sequential(nn.Conv2d(1, 2, 1, bias=False), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2, 2))
    with torch.no_grad():
        model[0].weight.copy_(torch.tensor([1.0, 2.0]).view(2, 1, 1, 1))
        model[3].weight.copy_(torch.tensor([[1.0, -0.25], [0.0, 0.5]]))
    image = torch.tensor([[[[1.0, 2.0], [3.0, -4.0]]]])
    # Features x and 2x: class 0 sums to x - 0.5 x, class 1 to x.
    torch.testing.assert_close(raw_maps("cam", model, image, 0), torch.tensor([[[0.5, 1.0], [1.5, 0.0]]]))
    torch.testing.assert_close(raw_maps("cam", model, image, 1), torch.tensor([[[1.0, 2.0], [3.0, 0.0]]]))


def test_other_heads_and_functions_are_refused(net, images):
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 8), nn.ReLU())
    model.append(nn.Linear(8, 5))
    with pytest.raises(ValueError, match=r"cam needs a model whose logits are one linear layer .* 'grad-cam'"):
        CAM()(model, images)
    with pytest.raises(ValueError, match="one linear layer on the average of its target layer, and at 'stem'"):
        CAM(layer="stem")(net, images)
    with pytest.raises(ValueError, match="cam explains a class: give `targets` as class indices"):
        CAM()(net, images, lambda logits: logits[:, 0])


def test_pooled_head_may_be_a_convolution(images):
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Conv2d(4, 5, 1), nn.Flatten())
    with torch.no_grad():
        weight = pooled_head(model, model[0](images), model(images))
    torch.testing.assert_close(weight, model[2].weight.flatten(1))


@pytest.mark.parametrize("bias", [True, False])
def test_one_logit_for_yes_and_for_no(images, bias):
    """CAM is Grad-CAM times a constant where the head is one linear layer on the average."""
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 1, bias))
    both = torch.tensor([[0, 1]]).expand(len(images), 2)
    maps = CAM(layer="0")(model, images, both).maps
    torch.testing.assert_close(maps, GradCAM(layer="0")(model, images, both).maps)
    assert (maps.amax(dim=(2, 3)) == 1).all()
