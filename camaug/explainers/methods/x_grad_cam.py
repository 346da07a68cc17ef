"""XGrad-CAM."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from camaug.explainers.layer_explainer import LayerEvidence
from camaug.explainers.method_info import MethodInfo
from camaug.explainers.methods.grad_cam import GradCAM
from camaug.explainers.registry import register_explainer

__all__ = ["XGradCAM", "axiom_weights"]


def axiom_weights(activations: Tensor, gradients: Tensor) -> Tensor:
    """Compute each channel's gradient, averaged by its activations: ``w_k = sum_ij (A_k / sum_ij A_k) dy/dA_k``.

    Fu et al. 2020 (arXiv 2008.02312), equation 8; 0 where a channel's activations sum to 0.

    Args:
        activations: (N, K, u, v).
        gradients: (N, K, u, v).

    Returns:
        (N, K).

    Example:
        >>> activations = torch.tensor([1.0, 3.0]).view(1, 1, 1, 2)
        >>> axiom_weights(activations, torch.tensor([4.0, 8.0]).view(1, 1, 1, 2))
        tensor([[7.]])
    """
    total = activations.sum(dim=(2, 3))
    return torch.where(total == 0, 0, (activations * gradients).sum(dim=(2, 3)) / total)


@register_explainer("x-grad-cam")
@dataclass(frozen=True)
class XGradCAM(GradCAM):
    """XGrad-CAM: Grad-CAM with gradients averaged by their activations.

    Fu et al. 2020, Axiom-based Grad-CAM: Towards Accurate Visualization and Explanation of CNNs (arXiv 2008.02312),
    equation 8: weights that satisfy the axioms of sensitivity and conservation best. Costs one forward pass and
    the head's backward pass.

    Args:
        layer: The target layer: None to find it, a name, or a module of the model; or a list of layers.
        fuse: Fusion of the maps of several layers: ``"mean"``, ``"max"`` or ``"product"``.

    Example:
        >>> import torchvision
        >>> XGradCAM()(torchvision.models.resnet18(), torch.rand(2, 3, 64, 64)).maps.shape
        torch.Size([2, 64, 64])
    """

    info: ClassVar[MethodInfo] = MethodInfo(
        section="layer",
        paper="[Fu 2020](https://arxiv.org/abs/2008.02312)",
        passes="1 + head back",
        needs="spatial features",
        oracle="pytorch-grad-cam, torchcam",
    )

    def weights(self, evidence: LayerEvidence, maps: Tensor) -> Tensor:
        """Compute the mean gradient of each channel, weighted by its activations, (N, K)."""
        return axiom_weights(maps, evidence.require_gradients())
