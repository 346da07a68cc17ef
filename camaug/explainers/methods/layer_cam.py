"""LayerCAM."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from camaug.explainers.layer_explainer import LayerEvidence, LayerExplainer
from camaug.explainers.method_info import MethodInfo
from camaug.explainers.registry import register_explainer

__all__ = ["LayerCAM"]


@register_explainer("layer-cam")
@dataclass(frozen=True)
class LayerCAM(LayerExplainer):
    """LayerCAM: each activation weighted by its own positive gradient, ``L = ReLU(sum_k ReLU(dy/dA_k) * A_k)``.

    Jiang et al. 2021, LayerCAM: Exploring Hierarchical Class Activation Maps for Localization (IEEE TIP 30),
    equations 6 and 7. Made for shallow layers as well: name several, and their maps are fused. Costs one forward pass
    and the backward pass from the head to the first of them.

    Args:
        layer: The target layer: None to find it, a name, or a module of the model; or a list of those.
        fuse: How the maps of several layers become one.

    Example:
        >>> import torch, torchvision
        >>> LayerCAM()(torchvision.models.resnet18(), torch.rand(2, 3, 64, 64)).maps.shape
        torch.Size([2, 64, 64])
    """

    info: ClassVar[MethodInfo] = MethodInfo(
        section="layer",
        paper="[Jiang 2021](https://ieeexplore.ieee.org/document/9462463)",
        passes="1 + head back",
        needs="spatial features",
        oracle="pytorch-grad-cam, torchcam",
    )

    @property
    def needs_gradients(self) -> bool:
        """The maps are made of gradients."""
        return True

    def maps(self, evidence: LayerEvidence) -> Tensor:
        """The positive part of the gradient, times the activation, (N, K, u, v)."""
        return evidence.require_gradients().relu() * evidence.activations

    def weights(self, evidence: LayerEvidence, maps: Tensor) -> Tensor:
        """1 for every channel, (N, K)."""
        return maps.new_ones(maps.shape[:2])
