"""Small classifiers by their names, with their weights and logits."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from camaug.training.create_classifier import create_classifier


def resnet(num_classes: int = 3, seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return create_classifier("test_resnet", num_classes).eval()


def copy_of(model: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def logits(model: nn.Module, images: Tensor) -> Tensor:
    with torch.no_grad():
        return model.eval()(images)
