"""Base class of the methods that run another method."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor, nn

from camaug.explainers.base import Evidence, Explainer, Targets
from camaug.explainers.registry import as_explainer
from camaug.functional.masks import normalise, upsample

__all__ = ["WrappingExplainer"]


@dataclass(frozen=True)
class WrappingExplainer(Explainer):
    """Base class of the methods that change the inputs of another method or combine its maps.

    Args:
        explainer: The inner method: an explainer or its name.
    """

    explainer: Explainer | str = "grad-cam"

    def __post_init__(self) -> None:
        object.__setattr__(self, "explainer", self.inner)
        super().__post_init__()

    @property
    def inner(self) -> Explainer:
        """The inner method."""
        return as_explainer(self.explainer)

    def gather(
        self, model: nn.Module, forward: Callable[[Tensor], Tensor], images: Tensor, targets: Targets
    ) -> Evidence:
        """Collect the evidence of the inner method."""
        return self.inner.gather(model, forward, images, targets)

    def inner_maps(self, evidence: Evidence, images: Tensor) -> Tensor:
        """Compute the inner method's maps of variants of the explained images, (N, H, W) in [0, 1]."""
        variant = self.inner.gather(evidence.model, evidence.forward, images, evidence.target)
        return normalise(upsample(self.inner.saliency(variant), evidence.image_size))
