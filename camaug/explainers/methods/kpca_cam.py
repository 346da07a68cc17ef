"""KPCA-CAM."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor

from camaug.explainers.layer_explainer import LayerEvidence, LayerExplainer
from camaug.explainers.method_info import MethodInfo
from camaug.explainers.methods.eigen_cam import channel_vectors, oriented
from camaug.explainers.registry import register_explainer

__all__ = ["KPCACAM", "kernel_component"]

Kernel = Literal["sigmoid", "rbf"]


def kernel_component(maps: Tensor, kernel: Kernel = "sigmoid", gamma: float | None = None) -> Tensor:
    """Compute the first kernel principal component of the positions, each a vector of its channels.

    ``k(x, y)`` is ``tanh(gamma <x, y> + 1)`` or ``exp(-gamma |x - y|^2)``, of vectors whose mean is subtracted. The
    kernel matrix is centred, and the projection of position i is ``sqrt(lambda_1) e_1[i]``, with the sign for which it
    grows with the sum of the maps.

    Args:
        maps: (N, K, u, v).
        kernel: ``"sigmoid"`` or ``"rbf"``.
        gamma: The kernel's coefficient; 1 / K by default.

    Returns:
        (N, u, v).
    """
    # The matrices are small, and every CPU has double precision.
    positions = channel_vectors(maps).to("cpu", torch.float64)
    centred = positions - positions.mean(dim=1, keepdim=True)
    gamma = 1 / positions.shape[2] if gamma is None else gamma
    if kernel == "sigmoid":
        matrix = (gamma * centred @ centred.mT + 1).tanh()
    else:
        matrix = (-gamma * torch.cdist(centred, centred).square()).exp()
    rows, columns = matrix.mean(dim=1, keepdim=True), matrix.mean(dim=2, keepdim=True)
    values, vectors = torch.linalg.eigh(matrix - rows - columns + rows.mean(dim=2, keepdim=True))
    projections = vectors[..., -1] * values[:, -1:].clamp(min=0).sqrt()
    return oriented(projections, positions.sum(dim=2)).view(len(maps), *maps.shape[2:]).to(maps)


@register_explainer("kpca-cam")
@dataclass(frozen=True)
class KPCACAM(LayerExplainer):
    """KPCA-CAM: the first kernel principal component of the activations.

    Karmani et al. 2024, KPCA-CAM: Visual Explainability of Deep Computer Vision Models using Kernel PCA
    (arXiv 2410.00267). Shows what stands out for the network, whatever the class; the target is ignored. Costs one
    forward pass.

    Args:
        kernel: ``"sigmoid"`` or ``"rbf"``.
        gamma: The kernel's coefficient; one over the number of channels by default.
        layer: The target layer: None to find it, a name, or a module of the model; or a list of layers.
        fuse: Fusion of the maps of several layers: ``"mean"``, ``"max"`` or ``"product"``.

    Example:
        >>> import torchvision
        >>> KPCACAM()(torchvision.models.resnet18(), torch.rand(2, 3, 64, 64)).maps.shape
        torch.Size([2, 64, 64])
    """

    info: ClassVar[MethodInfo] = MethodInfo(
        section="layer",
        paper="[Karmani 2024](https://arxiv.org/abs/2410.00267)",
        passes="1",
        needs="spatial features",
        oracle="pytorch-grad-cam",
    )
    class_specific: ClassVar[bool] = False

    kernel: Kernel = "sigmoid"
    gamma: float | None = None

    def layer_saliency(self, evidence: LayerEvidence) -> Tensor:
        """Compute the positive part of the first kernel principal component, (N, u, v)."""
        return kernel_component(evidence.activations, self.kernel, self.gamma).relu()
