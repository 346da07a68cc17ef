"""Eigen-CAM."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from camaug.explainers.layer_explainer import LayerEvidence, LayerExplainer
from camaug.explainers.method_info import MethodInfo
from camaug.explainers.registry import register_explainer

__all__ = ["EigenCAM", "oriented", "principal_component"]


def principal_component(maps: Tensor, *, centred: bool = False) -> Tensor:
    """Project maps onto the direction of channels in which the places differ most: ``O V_1``, with ``O = U S V^T``.

    A singular vector has no sign of its own: the projection is turned so that it grows with the sum of the maps.

    Args:
        maps: (N, K, u, v); values that are not finite count as 0.
        centred: Whether each channel's mean is subtracted first.

    Returns:
        (N, u, v).

    Example:
        >>> principal_component(torch.tensor([[3.0, 0.0], [4.0, 0.0]]).view(1, 2, 1, 2))
        tensor([[[5., 0.]]])
    """
    places = torch.where(maps.isfinite(), maps, 0).flatten(2).transpose(1, 2)  # (N, uv, K)
    matrix = places - places.mean(dim=1, keepdim=True) if centred else places
    u, s, _ = torch.linalg.svd(matrix, full_matrices=False)
    return oriented((u[..., 0] * s[:, :1]), places.sum(dim=2)).view(len(maps), *maps.shape[2:])


def oriented(projections: Tensor, evidence: Tensor) -> Tensor:
    """Turn projections (N, L) so that they grow with the evidence (N, L)."""
    evidence = evidence - evidence.mean(dim=1, keepdim=True)
    return torch.where((projections * evidence).sum(dim=1, keepdim=True) < 0, -projections, projections)


@register_explainer("eigen-cam")
@dataclass(frozen=True)
class EigenCAM(LayerExplainer):
    """Eigen-CAM: the first principal component of the activations.

    Muhammad, Yeasin 2020, Eigen-CAM: Class Activation Map using Principal Components (arXiv 2008.00299), equation 4.
    Shows what stands out for the network, whatever the class: the target is ignored. Costs one forward pass.

    Args:
        centred: Whether each channel's mean is subtracted first. The paper does not; pytorch-grad-cam does.
        layer: The target layer: None to find it, a name, or a module of the model; or a list of those.
        fuse: How the maps of several layers become one.

    Example:
        >>> import torchvision
        >>> EigenCAM()(torchvision.models.resnet18(), torch.rand(2, 3, 64, 64)).maps.shape
        torch.Size([2, 64, 64])
    """

    info: ClassVar[MethodInfo] = MethodInfo(
        section="layer",
        paper="[Muhammad 2020](https://arxiv.org/abs/2008.00299)",
        passes="1",
        needs="spatial features",
        oracle="pytorch-grad-cam (`centred=True`; the paper does not centre)",
    )
    class_specific: ClassVar[bool] = False

    centred: bool = False

    def layer_saliency(self, evidence: LayerEvidence) -> Tensor:
        """The positive part of the activations' first principal component, (N, u, v)."""
        return principal_component(evidence.activations, centred=self.centred).relu()
