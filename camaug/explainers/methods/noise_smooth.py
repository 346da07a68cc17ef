"""Noise-smooth: smoothing by noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from camaug.explainers.base import Evidence
from camaug.explainers.method_info import MethodInfo
from camaug.explainers.noise import check_noise, noisy_copies
from camaug.explainers.registry import register_explainer
from camaug.explainers.wrapper import WrappingExplainer

__all__ = ["NoiseSmooth"]


@register_explainer("noise-smooth")
@dataclass(frozen=True)
class NoiseSmooth(WrappingExplainer):
    """Noise-smooth: the mean map of any method over noisy copies of the image.

    SmoothGrad (Smilkov et al. 2017, arXiv 1706.03825) applied to maps. Runs the method ``samples`` times.

    Args:
        explainer: The inner method: an explainer or its name.
        layer: Target layer of the inner method, or a list of layers; None for the inner method's own.
        samples: Number of noisy copies of each image.
        noise: Standard deviation of the noise, as a share of each image's range of values.
        seed: Seed of the noise, which is the same for every image.

    Example:
        >>> import torchvision
        >>> NoiseSmooth("grad-cam", samples=2)(torchvision.models.resnet18(), torch.rand(1, 3, 64, 64)).maps.shape
        torch.Size([1, 64, 64])
    """

    info: ClassVar[MethodInfo] = MethodInfo(
        section="wrappers",
        paper="mean over noisy copies",
        passes="8 times the method's",
        needs="what the method needs",
        check="formula",
    )

    samples: int = 8
    noise: float = 0.05
    seed: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_noise(self.samples, self.noise)

    def saliency(self, evidence: Evidence) -> Tensor:
        """Compute the mean of the copies' maps, (N, H, W)."""
        copies = noisy_copies(evidence.images, self.samples, self.noise, self.seed)
        return torch.stack([self.inner_maps(evidence, images) for images in copies]).mean(dim=0)
