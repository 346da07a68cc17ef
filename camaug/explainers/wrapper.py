"""The template of the methods that ask another method several times."""

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
    """A method that changes what another one is asked, or what is made of its answers.

    Args:
        explainer: The other method: an explainer, or the name of one.
    """

    explainer: Explainer | str = "grad-cam"

    def __post_init__(self) -> None:
        object.__setattr__(self, "explainer", self.inner)

    @property
    def inner(self) -> Explainer:
        """The other method."""
        return as_explainer(self.explainer)

    def gather(
        self, model: nn.Module, forward: Callable[[Tensor], Tensor], images: Tensor, targets: Targets
    ) -> Evidence:
        """What the other method gathers."""
        return self.inner.gather(model, forward, images, targets)

    def ask(self, evidence: Evidence, images: Tensor) -> Tensor:
        """The other method's map of the same target for images made of the explained ones, (N, H, W) in [0, 1]."""
        seen = self.inner.gather(evidence.model, evidence.forward, images, evidence.target)
        return normalise(upsample(self.inner.saliency(seen)[:, None], evidence.image_size)[:, 0])
