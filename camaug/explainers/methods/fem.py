"""FEM: feature explanation method."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from camaug.explainers.layer_explainer import LayerEvidence, LayerExplainer
from camaug.explainers.method_info import MethodInfo
from camaug.explainers.registry import register_explainer

__all__ = ["FEM", "rare_positions"]


def rare_positions(activations: Tensor, deviations: float) -> Tensor:
    """Mark where a channel exceeds its mean by a number of standard deviations.

    Args:
        activations: (N, K, u, v).
        deviations: The k of the k-sigma rule.

    Returns:
        Binary maps of the activations' type, (N, K, u, v).
    """
    mean = activations.mean(dim=(2, 3), keepdim=True)
    spread = activations.std(dim=(2, 3), keepdim=True, correction=0)
    return (activations > mean + deviations * spread).to(activations.dtype)


@register_explainer("fem")
@dataclass(frozen=True)
class FEM(LayerExplainer):
    """FEM: positions of unusually strong activation, each channel weighted by its mean.

    Fuad et al. 2020, Features Understanding in 3D CNNs for Actions Recognition in Video (IPTA 2020), section III:
    binary maps by the k-sigma rule, ``B_k = A_k > mean + k * std``, summed by ``w_k = mean(A_k)``. Shows what stands
    out for the network, whatever the class; the target is ignored. Costs one forward pass.

    Args:
        deviations: Standard deviations above its mean from which a channel's position is marked.
        layer: The target layer: None to find it, a name, or a module of the model; or a list of layers.
        fuse: Fusion of the maps of several layers: ``"mean"``, ``"max"`` or ``"product"``.

    Example:
        >>> import torch, torchvision
        >>> FEM()(torchvision.models.resnet18(), torch.rand(2, 3, 64, 64)).maps.shape
        torch.Size([2, 64, 64])
    """

    info: ClassVar[MethodInfo] = MethodInfo(
        section="layer",
        paper="[Fuad 2020](https://hal.science/hal-02963298)",
        passes="1",
        needs="spatial features",
        check="formula (pytorch-grad-cam weights the channels differently from the paper)",
    )
    class_specific: ClassVar[bool] = False

    deviations: float = 2.0

    def maps(self, evidence: LayerEvidence) -> Tensor:
        """Mark where each channel is strong, (N, K, u, v)."""
        return rare_positions(evidence.activations, self.deviations)

    def weights(self, evidence: LayerEvidence, maps: Tensor) -> Tensor:
        """Compute the mean of each channel, (N, K)."""
        return evidence.activations.mean(dim=(2, 3))
