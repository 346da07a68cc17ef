"""Element-wise Grad-CAM."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from camaug.explainers.layer_explainer import LayerEvidence
from camaug.explainers.method_info import MethodInfo
from camaug.explainers.methods.hires_cam import HiResCAM
from camaug.explainers.registry import register_explainer

__all__ = ["GradCAMElementwise"]


@register_explainer("grad-cam-elementwise")
@dataclass(frozen=True)
class GradCAMElementwise(HiResCAM):
    """Element-wise Grad-CAM: positive evidence alone, ``L = sum_k ReLU(dy/dA_k * A_k)``.

    Variant of HiResCAM (arXiv 2011.08891) in common libraries that rectifies every product before the sum over
    channels, rather than the sum. Costs one forward pass and the head's backward pass.

    Args:
        layer: The target layer: None to find it, a name, or a module of the model; or a list of layers.
        fuse: Fusion of the maps of several layers: ``"mean"``, ``"max"`` or ``"product"``.

    Example:
        >>> import torch, torchvision
        >>> GradCAMElementwise()(torchvision.models.resnet18(), torch.rand(2, 3, 64, 64)).maps.shape
        torch.Size([2, 64, 64])
    """

    info: ClassVar[MethodInfo] = MethodInfo(
        section="layer",
        paper="variant of HiResCAM",
        passes="1 + head back",
        needs="spatial features",
        oracle="pytorch-grad-cam",
    )

    def maps(self, evidence: LayerEvidence) -> Tensor:
        """Compute the positive part of gradient times activation, (N, K, u, v)."""
        return (evidence.require_gradients() * evidence.activations).relu()
