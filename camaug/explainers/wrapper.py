"""Base class of the methods that run another method."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields, replace

from torch import Tensor, nn

from camaug.explainers.base import Evidence, Explainer, Targets
from camaug.explainers.layer_explainer import Layer
from camaug.explainers.registry import as_explainer
from camaug.functional.masks import normalise, upsample

__all__ = ["WrappingExplainer"]


@dataclass(frozen=True)
class WrappingExplainer(Explainer):
    """Base class of the methods that change the inputs of another method or combine its maps.

    Args:
        explainer: The inner method: an explainer or its name.
        layer: Target layer of the inner method, or a list of layers; None for the inner method's own.

    Raises:
        ValueError: If a layer is given and the inner method reads none.
    """

    explainer: Explainer | str = "grad-cam"
    layer: Layer | Sequence[Layer] = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        inner = self.inner
        if self.layer is not None:
            if all(each.name != "layer" for each in fields(inner)):
                raise ValueError(f"`layer` is the target layer of the inner method, and {inner.name} reads no layer")
            inner = replace(inner, layer=self.layer)  # type: ignore[call-arg]
        object.__setattr__(self, "explainer", inner)
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
