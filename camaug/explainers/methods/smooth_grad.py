"""SmoothGrad."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from camaug.explainers.base import Evidence
from camaug.explainers.method_info import MethodInfo
from camaug.explainers.noise import check_noise, noisy_copies
from camaug.explainers.pixel_explainer import PixelExplainer, input_gradient
from camaug.explainers.registry import register_explainer

__all__ = ["SmoothGrad"]


@register_explainer("smooth-grad")
@dataclass(frozen=True)
class SmoothGrad(PixelExplainer):
    """SmoothGrad: the mean gradient of noisy copies of the image.

    Smilkov et al. 2017, SmoothGrad: removing noise by adding noise (arXiv 1706.03825), section 2. Costs one forward
    pass, and ``samples`` forward and backward passes.

    Args:
        samples: Number of noisy copies of each image.
        noise: Standard deviation of the noise, as a share of each image's range of values.
        seed: Seed of the noise, which is the same for every image.
        clip: Percentile of each map at which its values are clipped; 100 disables it.

    Example:
        >>> import torchvision
        >>> SmoothGrad(samples=2)(torchvision.models.resnet18(), torch.rand(1, 3, 64, 64)).maps.shape
        torch.Size([1, 64, 64])
    """

    info: ClassVar[MethodInfo] = MethodInfo(
        section="pixels",
        paper="[Smilkov 2017](https://arxiv.org/abs/1706.03825)",
        passes="1 + 25 + 25 back",
        needs="a gradient",
        check="autograd",
    )

    samples: int = 25
    noise: float = 0.15
    seed: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_noise(self.samples, self.noise)

    def attributions(self, evidence: Evidence) -> Tensor:
        """Compute the mean gradient over the noisy copies, (N, C, H, W)."""
        copies = noisy_copies(evidence.images, self.samples, self.noise, self.seed)
        total = torch.zeros_like(evidence.images, dtype=torch.float32)
        for images in copies:
            total = total + input_gradient(evidence, images, self.name)
        return total / self.samples
