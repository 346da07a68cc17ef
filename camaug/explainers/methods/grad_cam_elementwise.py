"""Element-wise Grad-CAM."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from camaug.explainers.layer_explainer import LayerEvidence, LayerExplainer
from camaug.explainers.method_info import MethodInfo
from camaug.explainers.registry import register_explainer

__all__ = ["GradCAMElementwise"]


@register_explainer("grad-cam-elementwise")
@dataclass(frozen=True)
class GradCAMElementwise(LayerExplainer):
    """Element-wise Grad-CAM: only what speaks for the class, ``L = sum_k ReLU(dy/dA_k * A_k)``.

    A variant of HiResCAM (arXiv 2011.08891) that rectifies every product before the sum over channels rather than the
    sum, known from today's libraries. Costs one forward pass and the head's backward pass.

    Args:
        layer: The target layer: None to find it, a name, or a module of the model; or a list of those.
        fuse: How the maps of several layers become one.

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

    @property
    def needs_gradients(self) -> bool:
        """The maps are made of gradients."""
        return True

    def maps(self, evidence: LayerEvidence) -> Tensor:
        """The positive part of gradient times activation, (N, K, u, v)."""
        return (evidence.require_gradients() * evidence.activations).relu()

    def weights(self, evidence: LayerEvidence, maps: Tensor) -> Tensor:
        """1 for every channel, (N, K)."""
        return maps.new_ones(maps.shape[:2])
