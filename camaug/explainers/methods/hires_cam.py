"""HiResCAM."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from camaug.explainers.layer_explainer import LayerEvidence, LayerExplainer
from camaug.explainers.method_info import MethodInfo
from camaug.explainers.registry import register_explainer

__all__ = ["HiResCAM"]


@register_explainer("hires-cam")
@dataclass(frozen=True)
class HiResCAM(LayerExplainer):
    """HiResCAM: activations weighted by their own gradients, ``L = ReLU(sum_k dy/dA_k * A_k)``.

    Draelos, Carin 2020, Use HiResCAM instead of Grad-CAM for faithful explanations of convolutional neural networks
    (arXiv 2011.08891), equation 5. Nothing is averaged over positions, so with a head without hidden layers the
    products sum to the score. Costs one forward pass and the head's backward pass.

    Args:
        layer: The target layer: None to find it, a name, or a module of the model; or a list of layers.
        fuse: Fusion of the maps of several layers: ``"mean"``, ``"max"`` or ``"product"``.

    Example:
        >>> import torch, torchvision
        >>> HiResCAM()(torchvision.models.resnet18(), torch.rand(2, 3, 64, 64)).maps.shape
        torch.Size([2, 64, 64])
    """

    info: ClassVar[MethodInfo] = MethodInfo(
        section="layer",
        paper="[Draelos 2020](https://arxiv.org/abs/2011.08891)",
        passes="1 + head back",
        needs="spatial features",
        oracle="pytorch-grad-cam",
    )

    @property
    def needs_gradients(self) -> bool:
        """Return True: the maps are computed from gradients."""
        return True

    def maps(self, evidence: LayerEvidence) -> Tensor:
        """Compute gradient times activation, (N, K, u, v)."""
        return evidence.require_gradients() * evidence.activations

    def weights(self, evidence: LayerEvidence, maps: Tensor) -> Tensor:
        """Return 1 for every channel, (N, K)."""
        return maps.new_ones(maps.shape[:2])
