"""Integrated gradients."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from camaug.explainers.base import Evidence
from camaug.explainers.method_info import MethodInfo
from camaug.explainers.pixel_explainer import PixelExplainer, captum, with_gradient
from camaug.explainers.registry import register_explainer

__all__ = ["IntegratedGradients", "integrate"]

POINTS_AT_ONCE = 32


def integrate(evidence: Evidence, baseline: Tensor, steps: int, method: str) -> Tensor:
    """Integrate the gradient along the line from a baseline to the images, and multiply by their difference.

    Args:
        evidence: The evidence.
        baseline: Start of the path, (N, C, H, W).
        steps: Number of points on the path.
        method: Name of the method, for the error if captum is missing.

    Returns:
        Attributions (N, C, H, W), whose sum is about the difference in score between image and baseline.
    """
    attribution = captum(method).IntegratedGradients(evidence.score)
    at_once = max(len(evidence.images), POINTS_AT_ONCE)  # otherwise all points of the path would be one batch
    return with_gradient(attribution, evidence.images, baselines=baseline, n_steps=steps, internal_batch_size=at_once)


@register_explainer("integrated-gradients")
@dataclass(frozen=True)
class IntegratedGradients(PixelExplainer):
    """Integrated gradients: the mean gradient on the line from a baseline, ``(X - B) * mean_a dy/dX(B + a (X - B))``.

    Sundararajan, Taly, Yan 2017, Axiomatic Attribution for Deep Networks (arXiv 1703.01365), equation 1. The
    attributions sum to the gain in score over the baseline; the map is the magnitude of their sum over the colour
    channels. Costs one forward pass, and ``steps`` forward and backward passes.

    Args:
        steps: Number of points on the line.
        baseline: Value of the baseline's pixels, in the normalised units of the images; None for each image's darkest
            value in each channel.
        clip: Percentile of each map at which its values are clipped; 100 disables it.

    Example:
        >>> import torchvision
        >>> IntegratedGradients(steps=4)(torchvision.models.resnet18(), torch.rand(1, 3, 64, 64)).maps.shape
        torch.Size([1, 64, 64])
    """

    info: ClassVar[MethodInfo] = MethodInfo(
        section="pixels",
        paper="[Sundararajan 2017](https://arxiv.org/abs/1703.01365)",
        passes="1 + 50 + 50 back",
        needs="a gradient",
        oracle="captum, called directly",
        check="completeness",
    )

    steps: int = 50
    baseline: float | None = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.steps < 1:
            raise ValueError(f"`steps` must be at least 1, got {self.steps}")

    def attributions(self, evidence: Evidence) -> Tensor:
        """Compute each value's contribution to the gain in score over the baseline, (N, C, H, W)."""
        images = evidence.images
        if self.baseline is None:
            baseline = images.amin(dim=(2, 3), keepdim=True).expand_as(images)
        else:
            baseline = torch.full_like(images, self.baseline)
        return integrate(evidence, baseline, self.steps, self.name)

    def over_channels(self, attributions: Tensor) -> Tensor:
        """Compute the magnitude of the pixels' contributions to the score, (N, H, W)."""
        return attributions.sum(dim=1).abs()
