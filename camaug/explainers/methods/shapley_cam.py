"""ShapleyCAM."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from camaug.explainers.base import Targets
from camaug.explainers.layer_explainer import LayerEvidence
from camaug.explainers.method_info import MethodInfo
from camaug.explainers.methods.grad_cam import GradCAM
from camaug.explainers.registry import register_explainer

__all__ = ["ShapleyCAM"]


@register_explainer("shapley-cam")
@dataclass(frozen=True)
class ShapleyCAM(GradCAM):
    """ShapleyCAM: Grad-CAM with gradients corrected by the curvature, ``w_k = mean(g - H A / 2)``.

    Cai 2025, CAMs as Shapley Value-based Explainers (arXiv 2501.06261): the Shapley values of the channels to second
    order, H the Hessian of the score at the activations. It equals Grad-CAM where the score is linear in the
    activations, as after pooling and one linear layer. Costs one forward pass and two of the head's backward passes.

    Args:
        layer: The target layer: None to find it, a name, or a module of the model; or a list of layers.
        fuse: Fusion of the maps of several layers: ``"mean"``, ``"max"`` or ``"product"``.

    Example:
        >>> import torchvision
        >>> ShapleyCAM()(torchvision.models.vgg11(), torch.rand(1, 3, 64, 64)).maps.shape
        torch.Size([1, 64, 64])
    """

    info: ClassVar[MethodInfo] = MethodInfo(
        section="layer",
        paper="[Cai 2025](https://arxiv.org/abs/2501.06261)",
        passes="1 + 2 head back",
        needs="a head that can be differentiated twice",
        oracle="pytorch-grad-cam",
    )

    def gather(
        self, model: nn.Module, forward: Callable[[Tensor], Tensor], images: Tensor, targets: Targets
    ) -> LayerEvidence:
        """Run one forward pass of the images and collect the activations and corrected gradients."""
        with sdpa_kernel(SDPBackend.MATH):  # the only attention kernel that can be differentiated twice
            return super().gather(model, forward, images, targets)

    def derivative(self, score: Tensor, output: Tensor) -> Tensor | None:
        """Compute the gradient minus half the Hessian's product with the activations."""
        gradient = torch.autograd.grad(score, output, create_graph=True, allow_unused=True)[0]
        if gradient is None or not gradient.requires_grad:
            return gradient
        product = torch.autograd.grad(gradient, output, output.detach(), retain_graph=True, allow_unused=True)[0]
        return gradient.detach() if product is None else gradient.detach() - product / 2
