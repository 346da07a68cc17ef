"""Grad-CAM."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from camaug.explainers.layer_explainer import LayerEvidence, LayerExplainer, weighted_sum
from camaug.explainers.method_info import MethodInfo
from camaug.explainers.registry import register_explainer

__all__ = ["GradCAM", "channel_weights"]


def channel_weights(gradients: Tensor) -> Tensor:
    """Compute the mean gradient of each channel: ``w_k = (1/Z) sum_ij dy_c / dA_k[i, j]``.

    Selvaraju et al. 2017 (arXiv 1610.02391), equation 1.

    Args:
        gradients: (N, K, u, v).

    Returns:
        (N, K).
    """
    return gradients.mean(dim=(2, 3))


@register_explainer("grad-cam")
@dataclass(frozen=True)
class GradCAM(LayerExplainer):
    """Grad-CAM: channels weighted by their mean gradients, ``L = ReLU(sum_k w_k A_k)``.

    Selvaraju et al. 2017, Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization
    (arXiv 1610.02391), equations 1 and 2. Costs one forward pass and the head's backward pass.

    Args:
        relu: False to keep negative evidence, ``L = sum_k w_k A_k``. The least value of a map is then 0 as ever.
        layer: The target layer: None to find it, a name, or a module of the model.

    Example:
        >>> import torch, torchvision
        >>> explanation = GradCAM()(torchvision.models.resnet18(), torch.rand(2, 3, 64, 64), targets=7)
        >>> explanation.maps.shape, explanation.targets
        (torch.Size([2, 64, 64]), tensor([7, 7]))
    """

    relu: bool = True

    info: ClassVar[MethodInfo] = MethodInfo(
        section="layer",
        paper="[Selvaraju 2017](https://arxiv.org/abs/1610.02391)",
        passes="1 + head back",
        needs="spatial features",
        oracle="pytorch-grad-cam, torchcam, captum",
    )

    @property
    def needs_gradients(self) -> bool:
        """Return True: the weights are computed from gradients."""
        return True

    def weights(self, evidence: LayerEvidence, maps: Tensor) -> Tensor:
        """Compute the mean gradient of each channel, (N, K)."""
        return channel_weights(evidence.require_gradients())

    def layer_saliency(self, evidence: LayerEvidence) -> Tensor:
        """Compute the unnormalised map, (N, u, v)."""
        maps = self.maps(evidence)
        summed = weighted_sum(maps, self.weights(evidence, maps))
        return summed.relu() if self.relu else summed
