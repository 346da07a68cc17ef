"""Base class of the methods that use the gradient at the image, which captum computes."""

from __future__ import annotations

import warnings
from abc import abstractmethod
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from camaug.explainers.base import Evidence, Explainer
from camaug.functional.percentile import percentile
from camaug.functional.precision import at_least_float32
from camaug.utils.optional import import_extra

__all__ = [
    "PixelExplainer",
    "ScoredModel",
    "captum",
    "check_clip",
    "clip_outliers",
    "input_gradient",
    "with_gradient",
]


@dataclass(frozen=True)
class PixelExplainer(Explainer):
    """Base class of the methods that attribute the score to the image's values.

    They need captum: ``pip install 'camaug[pixels]'``. A subclass overrides :meth:`attributions`; the map is their
    largest magnitude over the colour channels. A few pixels far above all others would leave the rest of the map dark,
    so the map is clipped, as in the SmoothGrad paper.

    Args:
        clip: Percentile of each map at which its values are clipped; 100 disables it.
    """

    clip: float = field(default=99.0, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_clip(self.clip)

    @abstractmethod
    def attributions(self, evidence: Evidence) -> Tensor:
        """Compute the contribution of each value of the images to the score, (N, C, H, W), at least float32."""

    def over_channels(self, attributions: Tensor) -> Tensor:
        """Reduce attributions (N, C, H, W) to one value per pixel, (N, H, W): the largest magnitude."""
        return attributions.abs().amax(dim=1)

    def saliency(self, evidence: Evidence) -> Tensor:
        """Compute the clipped attributions, reduced over the colour channels, (N, H, W)."""
        return clip_outliers(self.over_channels(self.attributions(evidence)), self.clip)


def clip_outliers(maps: Tensor, percent: float) -> Tensor:
    """Clip each map (N, H, W) at one of its percentiles.

    Example:
        >>> clip_outliers(torch.tensor([[[0.0, 1.0], [2.0, 90.0]]]), 50)
        tensor([[[0.0000, 1.0000],
                 [1.5000, 1.5000]]])
    """
    if percent == 100:
        return maps
    return torch.minimum(maps, percentile(maps.flatten(1), percent)[:, None, None])


def check_clip(percent: float) -> None:
    """Raise a ValueError unless the percentile is above 0 and at most 100."""
    if not 0 < percent <= 100:
        raise ValueError(f"`clip` is a percentile and must be above 0 and at most 100, got {percent}")


class ScoredModel(nn.Module):
    """Model whose output is the target's score, for captum's methods that change a model's modules."""

    def __init__(self, evidence: Evidence) -> None:
        super().__init__()
        self.model = evidence.model
        self._score = evidence.score

    def forward(self, images: Tensor, owner: Tensor) -> Tensor:
        """Compute the scores (M,) of images (M, C, H, W) with owners (M,), as :meth:`Evidence.score` does."""
        return self._score(images, owner)


def captum(method: str) -> Any:
    """Import captum's attribution methods, or raise an error that says how to install captum."""
    return import_extra("captum.attr", package="captum", extra="pixels", reason=f"the explainer {method!r} needs")


def with_gradient(attribution: Any, images: Tensor, owner: Tensor | None = None, **settings: Any) -> Tensor:
    """Run one of captum's attribution methods on images (M, C, H, W): (M, C, H, W), at least float32."""
    owner = torch.arange(len(images), device=images.device) if owner is None else owner
    inputs = images.detach().clone().requires_grad_()
    with torch.enable_grad(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Setting backward hooks on ReLU activations")
        result: Tensor = attribution.attribute(inputs, additional_forward_args=(owner,), **settings)
    return at_least_float32(result.detach())


def input_gradient(evidence: Evidence, images: Tensor, method: str) -> Tensor:
    """Compute the gradient of the target's score at variants of the explained images, (N, C, H, W)."""
    return with_gradient(captum(method).Saliency(evidence.score), images, abs=False)
