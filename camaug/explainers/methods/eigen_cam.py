"""Eigen-CAM."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from camaug.explainers.layer_explainer import LayerEvidence, LayerExplainer
from camaug.explainers.method_info import MethodInfo
from camaug.explainers.registry import register_explainer

__all__ = ["EigenCAM", "channel_vectors", "oriented", "principal_component"]


def principal_component(maps: Tensor, *, centred: bool = False) -> Tensor:
    """Compute the first principal component of maps: ``O V_1``, with ``O = U S V^T`` of (positions, channels).

    The sign of a singular vector is arbitrary: it is chosen so that the projection grows with the sum of the maps.

    Args:
        maps: (N, K, u, v); values that are not finite count as 0.
        centred: Subtract each channel's mean first.

    Returns:
        (N, u, v).

    Example:
        >>> principal_component(torch.tensor([[3.0, 0.0], [4.0, 0.0]]).view(1, 2, 1, 2))
        tensor([[[5., 0.]]])
    """
    positions = channel_vectors(maps)
    matrix = positions - positions.mean(dim=1, keepdim=True) if centred else positions
    u, s, _ = torch.linalg.svd(matrix, full_matrices=False)
    return oriented((u[..., 0] * s[:, :1]), positions.sum(dim=2)).view(len(maps), *maps.shape[2:])


def channel_vectors(maps: Tensor) -> Tensor:
    """Return the channel vector of each position of maps (N, K, u, v) as (N, u v, K), with non-finite values as 0."""
    return torch.where(maps.isfinite(), maps, 0).flatten(2).transpose(1, 2)


def oriented(projections: Tensor, evidence: Tensor) -> Tensor:
    """Choose the sign of projections (N, L) so that they grow with the evidence (N, L)."""
    evidence = evidence - evidence.mean(dim=1, keepdim=True)
    return torch.where((projections * evidence).sum(dim=1, keepdim=True) < 0, -projections, projections)


@register_explainer("eigen-cam")
@dataclass(frozen=True)
class EigenCAM(LayerExplainer):
    """Eigen-CAM: the first principal component of the activations.

    Muhammad, Yeasin 2020, Eigen-CAM: Class Activation Map using Principal Components (arXiv 2008.00299), equation 4.
    Shows what stands out for the network, whatever the class; the target is ignored. Costs one forward pass.

    Args:
        centred: Subtract each channel's mean first. The paper does not; pytorch-grad-cam does.
        layer: The target layer: None to find it, a name, or a module of the model; or a list of layers.
        fuse: Fusion of the maps of several layers: ``"mean"``, ``"max"`` or ``"product"``.

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
        """Compute the positive part of the activations' first principal component, (N, u, v)."""
        return principal_component(evidence.activations, centred=self.centred).relu()
