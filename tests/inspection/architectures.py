"""Small networks of every kind of architecture, and measurements of their feature maps."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import timm
import torch
from torch import nn

from camaug import spatial_features


@dataclass(frozen=True)
class Architecture:
    """A small network of a architecture: its layer, and the grid of it."""

    name: str
    layer: str
    size: tuple[int, int]
    grid: tuple[int, int]
    settings: dict[str, Any] = field(default_factory=dict)

    def create(self) -> nn.Module:
        """Create the network with random weights that keep every signal, since some vanish before training."""
        model = timm.create_model(self.name, num_classes=7, **self.settings).eval()
        redraw(model)
        return model

    def images(self, count: int = 2) -> torch.Tensor:
        return 0.1 * torch.randn(count, 3, *self.size, generator=torch.Generator().manual_seed(0))


def redraw(model: nn.Module) -> None:
    """Draw all weights from a normal distribution with the variance of one over the fan-in."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.dim() > 1 and parameter[0].numel() > 1:
                parameter.copy_(torch.randn(parameter.shape, generator=generator) / parameter[0].numel() ** 0.5)
            else:
                parameter.fill_(0.0 if "bias" in name else 1.0)


SMALL_SWIN = {"window_size": 4, "depths": (1, 1, 2), "embed_dim": 24, "num_heads": (1, 2, 2)}
ARCHITECTURES = {
    "convolutions": Architecture("test_resnet", "layer4", (160, 160), (5, 5)),
    "channels last": Architecture("test_mambaout", "stages", (160, 160), (5, 5)),
    "class token": Architecture("test_vit", "blocks.4", (160, 160), (10, 10)),
    "class token, not square": Architecture("test_vit", "blocks.4", (96, 160), (6, 10), {"img_size": (96, 160)}),
    "class token, any size": Architecture("test_vit", "blocks.4", (160, 96), (10, 6), {"dynamic_img_size": True}),
    "registers": Architecture("test_vit", "blocks.4", (160, 160), (10, 10), {"reg_tokens": 3}),
    "mean of tokens": Architecture(
        "test_vit", "blocks", (160, 160), (10, 10), {"class_token": False, "global_pool": "avg"}
    ),
    "attention pooling": Architecture("test_vit3", "blocks", (160, 160), (10, 10)),
    "two class tokens": Architecture(
        "deit_tiny_distilled_patch16_224", "blocks.1", (96, 96), (6, 6), {"depth": 3, "embed_dim": 48, "img_size": 96}
    ),
    "rotary": Architecture(
        "vit_tiny_patch16_dinov3_qkvb", "blocks.2", (96, 160), (6, 10), {"depth": 3, "embed_dim": 48}
    ),
    "relative positions": Architecture("test_vit_relpos", "blocks.8", (160, 160), (10, 10)),
    "Swin": Architecture("swin_tiny_patch4_window7_224", "norm", (64, 64), (4, 4), {"img_size": 64, **SMALL_SWIN}),
    "Swin 2": Architecture("swinv2_tiny_window8_256", "norm", (64, 64), (4, 4), {"img_size": 64, **SMALL_SWIN}),
    "Swin 2, other code": Architecture(
        "swinv2_cr_tiny_224", "stages", (64, 96), (4, 6), {"img_size": (64, 96), **SMALL_SWIN, "window_size": 2}
    ),
    "tokens out of order": Architecture(
        "hiera_tiny_224",
        "blocks.6",
        (128, 192),
        (4, 6),
        {"embed_dim": 24, "stages": (1, 2, 2, 2), "img_size": (128, 192)},
    ),
    "hybrid": Architecture("vit_tiny_r_s16_p8_224", "blocks.1", (128, 128), (4, 4), {"depth": 3, "img_size": 128}),
    "convolutions and attention": Architecture("test_coatnet", "norm", (160, 160), (5, 5)),
    "MaxViT": Architecture("test_maxvit", "norm", (160, 160), (5, 5)),
    "mixer": Architecture("mixer_s32_224", "blocks", (224, 224), (7, 7)),
    "branches": Architecture("crossvit_tiny_240", "blocks.2.blocks.1", (240, 240), (14, 14)),
    "NaFlex": Architecture(
        "naflexvit_base_patch16_gap", "blocks.2", (96, 160), (6, 10), {"embed_dim": 48, "depth": 3, "num_heads": 2}
    ),
    "attention of channels": Architecture(
        "xcit_nano_12_p8_224", "blocks.2", (64, 96), (8, 12), {"depth": 3, "embed_dim": 64}
    ),
    "class attention": Architecture(
        "cait_xxs24_224", "blocks", (64, 64), (4, 4), {"depth": 3, "embed_dim": 48, "img_size": 64}
    ),
    "blocks with two outputs": Architecture(
        "tnt_s_legacy_patch16_224", "blocks.2.norm_out", (96, 96), (6, 6), {"depth": 3, "img_size": 96}
    ),
    "stages of tokens": Architecture("pit_ti_224", "transformers.2.blocks.2", (224, 224), (7, 7)),
    "attention pooling of convolutions": Architecture("resnet50_clip", "stages", (224, 224), (7, 7)),
}


def passed_quadrants(model, images):
    """Return the quadrants of the image in which noise changes the features of the same quadrant most."""
    height, width = images.shape[2] // 2, images.shape[3] // 2
    before = spatial_features(model, images)
    passed = []
    for quadrant in range(4):
        changed = images.clone()
        row, column = divmod(quadrant, 2)
        noise = torch.randn(len(images), 3, height, width, generator=torch.Generator().manual_seed(2))
        changed[..., row * height :, column * width :][..., :height, :width] = noise
        difference = (spatial_features(model, changed) - before).abs().mean(dim=(0, 1))
        h, w = (side // 2 for side in difference.shape)
        means = [part.mean() for rows in (difference[:h], difference[-h:]) for part in (rows[:, :w], rows[:, -w:])]
        if int(torch.stack(means).argmax()) == quadrant:
            passed.append(quadrant)
    return passed


def gradient_at(model, name, images):
    """Return the gradient of a random sum of the logits with respect to a layer's output."""
    outputs = []
    handle = model.get_submodule(name).register_forward_hook(
        lambda module, inputs, output: outputs.append(output.detach().requires_grad_()) or outputs[-1].clone()
    )
    logits = model(images)
    handle.remove()
    return torch.autograd.grad((logits * torch.randn(logits.shape)).sum(), outputs[-1])[0]
