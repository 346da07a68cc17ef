"""Models with worn batch-norms, and the fast forward's logits for them."""

from __future__ import annotations

import timm
import torch
import torchvision
from torch import nn

from camaug import FastForward


def with_trained_norms(model: nn.Module) -> nn.Module:
    """Give batch-norms statistics and weights as after training, and switch the model to evaluation mode."""
    generator = torch.Generator().manual_seed(0)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            for tensor in (module.running_mean, *([module.bias.data] if module.affine else [])):
                tensor.copy_(torch.randn(tensor.shape, generator=generator) * 0.1)
            for tensor in (module.running_var, *([module.weight.data] if module.affine else [])):
                tensor.copy_(torch.rand(tensor.shape, generator=generator) + 0.5)
    return model.eval()


def run_fast(model: nn.Module, images: torch.Tensor, dtype=None) -> tuple[torch.Tensor, FastForward]:
    """Return the fast forward's logits, and the fast forward."""
    forward = FastForward(model, dtype=dtype)
    with torch.no_grad():
        return forward(images), forward


MODELS = {
    "resnet18": lambda: torchvision.models.resnet18(),
    "densenet121": lambda: torchvision.models.densenet121(),
    "mobilenet_v3_small": lambda: torchvision.models.mobilenet_v3_small(),
    "googlenet": lambda: torchvision.models.googlenet(init_weights=False, aux_logits=False),
    "squeezenet1_1": lambda: torchvision.models.squeezenet1_1(),
    "preact": lambda: timm.create_model("resnetv2_50", pretrained=False),
    "efficientnet": lambda: timm.create_model("efficientnet_b0", pretrained=False),
    "convnext": lambda: timm.create_model("convnext_atto", pretrained=False),
    "vit": lambda: timm.create_model("vit_tiny_patch16_224", img_size=64, pretrained=False),
    "standardised": lambda: timm.create_model("resnetv2_50x1_bit", pretrained=False),
}
