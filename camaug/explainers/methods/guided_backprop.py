"""Guided backpropagation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn

from camaug.explainers.base import Evidence
from camaug.explainers.method_info import MethodInfo
from camaug.explainers.pixel_explainer import PixelExplainer, ScoredModel, captum, with_gradient
from camaug.explainers.registry import register_explainer

__all__ = ["GuidedBackprop", "modified_relu_gradient"]


def modified_relu_gradient(evidence: Evidence, rule: str, method: str) -> Tensor:
    """Compute the gradient at the images with another backward rule for the ReLUs.

    Args:
        evidence: The evidence.
        rule: captum's name of the rule, ``"GuidedBackprop"`` or ``"Deconvolution"``.
        method: Name of the method, for the error messages.

    Returns:
        (N, C, H, W), float32.

    Raises:
        ValueError: If the model has no ReLU modules.
    """
    if not any(isinstance(module, nn.ReLU) for module in evidence.model.modules()):
        raise ValueError(
            f"{method} changes how gradients pass torch.nn.ReLU modules, and {type(evidence.model).__name__} has none: "
            "choose 'gradient' or 'smooth-grad'"
        )
    return with_gradient(getattr(captum(method), rule)(ScoredModel(evidence)), evidence.images)


@register_explainer("guided-backprop")
@dataclass(frozen=True)
class GuidedBackprop(PixelExplainer):
    """Guided backpropagation: the gradient at the image, with negative gradients set to 0 at every ReLU.

    Springenberg et al. 2015, Striving for Simplicity: The All Convolutional Net (arXiv 1412.6806), section 3.4. Needs
    ReLU modules. Its maps are sharp, but hardly depend on the class or the weights (Adebayo et al. 2018,
    arXiv 1810.03292). Costs two forward passes and one backward pass.

    Args:
        clip: Percentile of each map at which its values are clipped; 100 disables it.

    Example:
        >>> import torch, torchvision
        >>> GuidedBackprop()(torchvision.models.resnet18(), torch.rand(1, 3, 64, 64)).maps.shape
        torch.Size([1, 64, 64])
    """

    info: ClassVar[MethodInfo] = MethodInfo(
        section="pixels",
        paper="[Springenberg 2015](https://arxiv.org/abs/1412.6806)",
        passes="2 + back",
        needs="`nn.ReLU` modules",
        oracle="captum, called directly",
        check="formula",
    )

    def attributions(self, evidence: Evidence) -> Tensor:
        """Compute the guided gradient at the images, (N, C, H, W)."""
        return modified_relu_gradient(evidence, "GuidedBackprop", self.name)
