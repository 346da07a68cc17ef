"""Gradient at the image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from camaug.explainers.base import Evidence
from camaug.explainers.method_info import MethodInfo
from camaug.explainers.pixel_explainer import PixelExplainer, input_gradient
from camaug.explainers.registry import register_explainer

__all__ = ["Gradient"]


@register_explainer("gradient")
@dataclass(frozen=True)
class Gradient(PixelExplainer):
    """Vanilla gradient: the sensitivity of the score to each pixel, ``max_c |dy/dX|``.

    Simonyan, Vedaldi, Zisserman 2014, Deep Inside Convolutional Networks (arXiv 1312.6034), section 3.1. Costs two
    forward passes and one backward pass.

    Args:
        clip: Percentile of each map at which its values are clipped; 100 disables it.

    Example:
        >>> import torch, torchvision
        >>> Gradient()(torchvision.models.resnet18(), torch.rand(1, 3, 64, 64)).maps.shape
        torch.Size([1, 64, 64])
    """

    info: ClassVar[MethodInfo] = MethodInfo(
        section="pixels",
        paper="[Simonyan 2014](https://arxiv.org/abs/1312.6034)",
        passes="2 + back",
        needs="a gradient",
        oracle="captum, called directly",
        check="autograd",
    )

    def attributions(self, evidence: Evidence) -> Tensor:
        """Compute the gradient of the score at the images, (N, C, H, W)."""
        return input_gradient(evidence, evidence.images, self.name)
