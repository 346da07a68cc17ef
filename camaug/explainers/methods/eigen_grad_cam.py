"""Eigen-Grad-CAM."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from camaug.explainers.layer_explainer import LayerEvidence, LayerExplainer
from camaug.explainers.method_info import MethodInfo
from camaug.explainers.methods.eigen_cam import principal_component
from camaug.explainers.registry import register_explainer

__all__ = ["EigenGradCAM"]


@register_explainer("eigen-grad-cam")
@dataclass(frozen=True)
class EigenGradCAM(LayerExplainer):
    """Eigen-Grad-CAM: the first principal component of gradient times activation.

    Class-specific variant of Eigen-CAM (arXiv 2008.00299), as common libraries implement it. Costs one forward pass and
    the head's backward pass.

    Args:
        centred: Subtract each channel's mean first, as pytorch-grad-cam does.
        layer: The target layer: None to find it, a name, or a module of the model; or a list of layers.
        fuse: Fusion of the maps of several layers: ``"mean"``, ``"max"`` or ``"product"``.

    Example:
        >>> import torch, torchvision
        >>> EigenGradCAM()(torchvision.models.resnet18(), torch.rand(2, 3, 64, 64)).maps.shape
        torch.Size([2, 64, 64])
    """

    info: ClassVar[MethodInfo] = MethodInfo(
        section="layer",
        paper="variant of Eigen-CAM",
        passes="1 + head back",
        needs="spatial features",
        oracle="pytorch-grad-cam",
    )

    centred: bool = True

    @property
    def needs_gradients(self) -> bool:
        """Return True: the maps are computed from gradients."""
        return True

    def layer_saliency(self, evidence: LayerEvidence) -> Tensor:
        """Compute the positive part of the first principal component of gradient times activation, (N, u, v)."""
        weighted = evidence.require_gradients() * evidence.activations
        return principal_component(weighted, centred=self.centred).relu()
