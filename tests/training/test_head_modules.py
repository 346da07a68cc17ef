from __future__ import annotations

import pytest
import torch
from torch import nn

from camaug.training.create_classifier import create_classifier
from camaug.training.head_modules import head_modules


@pytest.mark.parametrize(
    ("name", "heads"),
    [
        ("test_resnet", ["fc"]),
        ("test_vit", ["head"]),
        ("test_convnext", ["head.fc"]),
        ("test_efficientnet", ["classifier"]),
        ("deit_tiny_distilled_patch16_224", ["head", "head_dist"]),
        ("torchvision/squeezenet1_1", ["classifier.1"]),
        ("torchvision/resnet18", ["fc"]),
        ("torchvision/mobilenet_v3_small", ["classifier.3"]),
        ("torchvision/densenet121", ["classifier"]),
        ("torchvision/vit_b_32", ["heads.head"]),
    ],
)
def test_head_modules_are_the_layers_that_give_the_classes(name: str, heads: list[str]) -> None:
    with torch.device("meta"):  # shapes are enough
        model = create_classifier(name, 7)
    assert head_modules(model) == heads
    for head in heads:
        layer = model.get_submodule(head)
        assert 7 in (getattr(layer, "out_features", None), getattr(layer, "out_channels", None))


def test_the_head_of_a_model_of_ones_own_is_its_last_layer() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 1), nn.Flatten(), nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 2), nn.Softmax(1))
    assert head_modules(model) == ["4"]
