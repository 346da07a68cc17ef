from __future__ import annotations

import pytest
import torch
from torch import nn

from camaug import get_explainer
from tests.explainers.raw_maps import raw_maps


@pytest.mark.parametrize("inplace", [False, True])
def test_maps_of_the_three_backward_rules(inplace):
    """y = -r1 + 2 r2 with r = ReLU(x): a positive and a negative input, a positive and a negative gradient."""
    model = nn.Sequential(nn.Conv2d(1, 1, 1, bias=False), nn.ReLU(inplace), nn.Flatten(), nn.Linear(4, 2, bias=False))
    with torch.no_grad():
        model[0].weight.fill_(1)
        model[3].weight.copy_(torch.tensor([[-1.0, 2.0, -3.0, 4.0], [0.0, 0.0, 0.0, 0.0]]))
    image = torch.tensor([[[[5.0, 5.0], [-5.0, -5.0]]]])
    assert raw_maps("gradient", model, image, 0, clip=100).tolist() == [[[1.0, 2.0], [0.0, 0.0]]]
    assert raw_maps("guided-backprop", model, image, 0, clip=100).tolist() == [[[0.0, 2.0], [0.0, 0.0]]]
    assert raw_maps("deconvnet", model, image, 0, clip=100).tolist() == [[[0.0, 2.0], [0.0, 4.0]]]


@pytest.mark.parametrize("name", ["guided-backprop", "deconvnet", "guided-grad-cam"])
def test_models_without_relu_modules_are_refused(images, name):
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.GELU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 5))
    with pytest.raises(ValueError, match=rf"{name} changes how gradients pass torch.nn.ReLU modules, and Sequential"):
        get_explainer(name)(model, images)
