"""Guided Grad-CAM."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from torch import Tensor

from camaug.explainers.base import Evidence
from camaug.explainers.method_info import MethodInfo
from camaug.explainers.methods.grad_cam import GradCAM
from camaug.explainers.methods.guided_backprop import modified_relu_gradient
from camaug.explainers.pixel_explainer import check_clip, clip_outliers
from camaug.explainers.registry import register_explainer
from camaug.functional.masks import upsample

__all__ = ["GuidedGradCAM"]


@register_explainer("guided-grad-cam")
@dataclass(frozen=True)
class GuidedGradCAM(GradCAM):
    """Guided Grad-CAM: the product of guided backpropagation and Grad-CAM.

    Selvaraju et al. 2017 (arXiv 1610.02391), section 3.2. The map is the largest magnitude of the product with
    the enlarged Grad-CAM over the colour channels. Needs ReLU modules and
    ``pip install 'camaug[pixels]'``. Costs two forward passes and one backward pass.

    Args:
        layer: The target layer of Grad-CAM: None to find it, a name, or a module of the model; or a list of those.
        fuse: Fusion of the maps of several layers: ``"mean"``, ``"max"`` or ``"product"``.
        clip: Percentile of each map at which its values are clipped; 100 disables it.

    Example:
        >>> import torch, torchvision
        >>> GuidedGradCAM()(torchvision.models.resnet18(), torch.rand(1, 3, 64, 64)).maps.shape
        torch.Size([1, 64, 64])
    """

    info: ClassVar[MethodInfo] = MethodInfo(
        section="pixels",
        paper="[Selvaraju 2017](https://arxiv.org/abs/1610.02391)",
        passes="2 + back",
        needs="`nn.ReLU` modules, spatial features",
        oracle="captum",
        check="its two factors",
    )

    clip: float = field(default=99.0, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_clip(self.clip)

    def saliency(self, evidence: Evidence) -> Tensor:
        """Compute the largest magnitude over the colour channels of guided gradient times Grad-CAM, (N, H, W)."""
        cam = upsample(super().saliency(evidence)[:, None], evidence.image_size)
        product = modified_relu_gradient(evidence, "GuidedBackprop", self.name) * cam
        return clip_outliers(product.abs().amax(dim=1), self.clip)
