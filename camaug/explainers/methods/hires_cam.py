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
    """HiResCAM: each activation times its own gradient, ``L = ReLU(sum_k dy/dA_k * A_k)``.

    Draelos, Carin 2020, Use HiResCAM instead of Grad-CAM for faithful explanations of convolutional neural networks
    (arXiv 2011.08891), equation 5. Nothing is averaged over places, so for a head without hidden layers the map shows
    what the score is the sum of. Costs one forward pass and the head's backward pass.

    Args:
        layer: The target layer: None to find it, a name, or a module of the model; or a list of those.
        fuse: How the maps of several layers become one.

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
        """The maps are made of gradients."""
        return True

    def maps(self, evidence: LayerEvidence) -> Tensor:
        """Gradient times activation, (N, K, u, v)."""
        return evidence.require_gradients() * evidence.activations

    def weights(self, evidence: LayerEvidence, maps: Tensor) -> Tensor:
        """1 for every channel, (N, K)."""
        return maps.new_ones(maps.shape[:2])
