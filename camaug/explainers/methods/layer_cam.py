"""LayerCAM."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from camaug.explainers.layer_explainer import LayerEvidence
from camaug.explainers.method_info import MethodInfo
from camaug.explainers.methods.hires_cam import HiResCAM
from camaug.explainers.registry import register_explainer

__all__ = ["LayerCAM"]


@register_explainer("layer-cam")
@dataclass(frozen=True)
class LayerCAM(HiResCAM):
    """LayerCAM: activations weighted by their own positive gradients, ``L = ReLU(sum_k ReLU(dy/dA_k) * A_k)``.

    Jiang et al. 2021, LayerCAM: Exploring Hierarchical Class Activation Maps for Localization (IEEE TIP 30),
    equations 6 and 7. Suits shallow layers as well: the maps of several layers are fused. Costs one forward pass and
    the backward pass from the head to the first layer.

    Args:
        layer: The target layer: None to find it, a name, or a module of the model; or a list of layers.
        fuse: Fusion of the maps of several layers: ``"mean"``, ``"max"`` or ``"product"``.

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

    def maps(self, evidence: LayerEvidence) -> Tensor:
        """Compute the positive part of the gradient times the activation, (N, K, u, v)."""
        return evidence.require_gradients().relu() * evidence.activations
