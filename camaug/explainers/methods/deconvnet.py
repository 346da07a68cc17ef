"""DeconvNet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from camaug.explainers.base import Evidence
from camaug.explainers.method_info import MethodInfo
from camaug.explainers.methods.guided_backprop import modified_relu_gradient
from camaug.explainers.pixel_explainer import PixelExplainer
from camaug.explainers.registry import register_explainer

__all__ = ["DeconvNet"]


@register_explainer("deconvnet")
@dataclass(frozen=True)
class DeconvNet(PixelExplainer):
    """DeconvNet: the gradient at the image, with each ReLU applied to the gradient itself on the way back.

    Zeiler, Fergus 2014, Visualizing and Understanding Convolutional Networks (arXiv 1311.2901), section 2.1. Needs
    ReLU modules. Costs two forward passes and one backward pass.

    Args:
        clip: Percentile of each map at which its values are clipped; 100 disables it.

    Example:
        >>> import torch, torchvision
        >>> DeconvNet()(torchvision.models.resnet18(), torch.rand(1, 3, 64, 64)).maps.shape
        torch.Size([1, 64, 64])
    """

    info: ClassVar[MethodInfo] = MethodInfo(
        section="pixels",
        paper="[Zeiler 2014](https://arxiv.org/abs/1311.2901)",
        passes="2 + back",
        needs="`nn.ReLU` modules",
        oracle="captum, called directly",
        check="formula",
    )

    def attributions(self, evidence: Evidence) -> Tensor:
        """Compute the deconvolved gradient at the images, (N, C, H, W)."""
        return modified_relu_gradient(evidence, "Deconvolution", self.name)
