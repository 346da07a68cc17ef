"""Grad-CAM++."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from camaug.explainers.layer_explainer import LayerEvidence
from camaug.explainers.method_info import MethodInfo
from camaug.explainers.methods.grad_cam import GradCAM
from camaug.explainers.registry import register_explainer

__all__ = ["GradCAMPlusPlus", "plus_plus_weights"]


def plus_plus_weights(activations: Tensor, first: Tensor, second: Tensor, third: Tensor) -> Tensor:
    """Compute the weights of Grad-CAM++ from the first three derivatives of the score.

    ``a = d2 / (2 d2 + (sum_ij A_k) d3)``, 0 where the denominator is 0, and ``w_k = sum_ij a ReLU(d1)``:
    Chattopadhay et al. 2018 (arXiv 1710.11063), equations 7 and 19.

    Args:
        activations: (N, K, u, v).
        first: dy / dA, of the same shape.
        second: The second derivative, of the same shape.
        third: The third derivative, of the same shape.

    Returns:
        (N, K).
    """
    denominator = 2 * second + activations.sum(dim=(2, 3), keepdim=True) * third
    alpha = torch.where(denominator == 0, 0, second / denominator)
    return (alpha * first.relu()).sum(dim=(2, 3))


@register_explainer("grad-cam++")
@dataclass(frozen=True)
class GradCAMPlusPlus(GradCAM):
    """Grad-CAM++: gradients weighted by position, so that every instance of the class counts.

    Chattopadhay et al. 2018, Grad-CAM++: Improved Visual Explanations for Deep Convolutional Networks
    (arXiv 1710.11063), equations 7 and 19. With the exponential of the score as the function that is differentiated,
    its derivatives are powers of the gradient ``g``: ``a = g^2 / (2 g^2 + (sum_ij A_k) g^3)``; the exponential itself
    scales all weights equally and cancels. Costs one forward pass and the head's backward pass.

    Args:
        layer: The target layer: None to find it, a name, or a module of the model; or a list of layers.
        fuse: Fusion of the maps of several layers: ``"mean"``, ``"max"`` or ``"product"``.

    Example:
        >>> import torchvision
        >>> GradCAMPlusPlus()(torchvision.models.resnet18(), torch.rand(2, 3, 64, 64)).maps.shape
        torch.Size([2, 64, 64])
    """

    info: ClassVar[MethodInfo] = MethodInfo(
        section="layer",
        paper="[Chattopadhay 2018](https://arxiv.org/abs/1710.11063)",
        passes="1 + head back",
        needs="spatial features",
        oracle="pytorch-grad-cam",
    )

    def weights(self, evidence: LayerEvidence, maps: Tensor) -> Tensor:
        """Compute the sum of the positive gradients, each weighted by its alpha, (N, K)."""
        g = evidence.require_gradients()
        # Only the ratios of the derivatives matter: g^2 and g^3 are divided by g^2, which could underflow.
        second = (g != 0).to(g.dtype)
        return plus_plus_weights(evidence.activations, g, second, second * g)
