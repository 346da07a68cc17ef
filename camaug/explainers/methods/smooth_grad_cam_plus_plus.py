"""Smooth Grad-CAM++."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from camaug.explainers.layer_explainer import LayerEvidence
from camaug.explainers.method_info import MethodInfo
from camaug.explainers.methods.grad_cam import GradCAM
from camaug.explainers.methods.grad_cam_plus_plus import plus_plus_weights
from camaug.explainers.noise import check_noise, noisy_copies
from camaug.explainers.registry import register_explainer

__all__ = ["SmoothGradCAMPlusPlus"]


@register_explainer("smooth-grad-cam++")
@dataclass(frozen=True)
class SmoothGradCAMPlusPlus(GradCAM):
    """Smooth Grad-CAM++: Grad-CAM++ with derivatives averaged over noisy copies of the image.

    Omeiza et al. 2019, Smooth Grad-CAM++: An Enhanced Inference Level Visualization Technique for Deep Convolutional
    Neural Network Models (arXiv 1908.01224), equations 7 to 9: the derivatives of Grad-CAM++ are the means of
    ``g``, ``g^2`` and ``g^3`` over the copies, with the activations of the image itself. (The numerator of
    alpha is the second derivative, as in Grad-CAM++, where the paper prints the first.) Costs one forward pass, and
    ``samples`` forward passes with the head's backward pass.

    Args:
        samples: Number of noisy copies of each image.
        noise: Standard deviation of the noise, as a share of each image's range of values.
        seed: Seed of the noise, which is the same for every image.
        layer: The target layer: None to find it, a name, or a module of the model; or a list of layers.
        fuse: Fusion of the maps of several layers: ``"mean"``, ``"max"`` or ``"product"``.

    Example:
        >>> import torchvision
        >>> SmoothGradCAMPlusPlus(samples=2)(torchvision.models.resnet18(), torch.rand(1, 3, 64, 64)).maps.shape
        torch.Size([1, 64, 64])
    """

    info: ClassVar[MethodInfo] = MethodInfo(
        section="layer",
        paper="[Omeiza 2019](https://arxiv.org/abs/1908.01224)",
        passes="1 + 8 + 8 head back",
        needs="spatial features",
        oracle="torchcam (one copy, pooled head)",
    )

    samples: int = 8
    noise: float = 0.1
    seed: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_noise(self.samples, self.noise)

    def weights(self, evidence: LayerEvidence, maps: Tensor) -> Tensor:
        """Compute the weights of Grad-CAM++ from the averaged derivatives, (N, K)."""
        powers = maps.new_zeros(3, *maps.shape)
        scale = evidence.require_gradients().abs().amax(dim=(1, 2, 3), keepdim=True)
        scale = torch.where(scale == 0, 1, scale)  # a unit in which the powers do not underflow
        for images in noisy_copies(evidence.images, self.samples, self.noise, self.seed):
            g = self.at(evidence, images).require_gradients() / scale
            powers += torch.stack([g, g**2, g**3])
        first, second, third = powers / self.samples
        return plus_plus_weights(maps, scale * first, second, scale * third)
