"""Base class of class activation maps: methods that compute a map from a layer's activations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Literal

import torch
from torch import Tensor, nn

from camaug.explainers.base import Evidence, Explainer, Targets, check_logits
from camaug.explainers.target import Target, make_target
from camaug.functional.masks import normalise, upsample
from camaug.functional.precision import at_least_float32
from camaug.inspection.capture import capture
from camaug.inspection.feature_maps import image_size
from camaug.inspection.resolve_layer import ResolvedLayer, resolve_layer

__all__ = ["LayerEvidence", "LayerExplainer", "NoGradientError", "weighted_sum"]

Layer = str | nn.Module | None
Fuse = Literal["mean", "max", "product"]


class NoGradientError(ValueError):
    """Gradients that a method needs, and that the target layer has not, as under ``torch.no_grad()``."""


@dataclass(frozen=True)
class LayerEvidence(Evidence):
    """Inputs of a method that reads a layer: images, logits, activations and, on demand, gradients.

    Attributes:
        layer: The target layer.
        activations: Its feature maps A, (N, K, u, v), float32, or float64 if the model is.
        gradients: Gradients dy / dA of the target's score, of the same shape and type, or (N, k, K, u, v) for k targets
            per image; None if the method does not need them.
        others: The evidence of the other layers, where there are several.
    """

    layer: ResolvedLayer = field(kw_only=True)
    activations: Tensor = field(kw_only=True)
    gradients: Tensor | None = field(kw_only=True)
    others: tuple[LayerEvidence, ...] = field(default=(), kw_only=True)

    @property
    def grid(self) -> tuple[int, int] | None:
        """Height and width of the layer's feature maps, the largest where there are several layers."""
        sizes = [(each.activations.shape[-2], each.activations.shape[-1]) for each in (self, *self.others)]
        return max(sizes, key=lambda size: size[0] * size[1])

    def column(self, index: int) -> LayerEvidence:
        """Return the evidence for only one of the k targets of each image."""
        gradients = None if self.gradients is None else self.gradients[:, index]
        others = tuple(each.column(index) for each in self.others)
        return replace(self, target=self.target.column(index), gradients=gradients, others=others)

    def require_gradients(self) -> Tensor:
        """Return the gradients, or raise if the method does not declare ``needs_gradients``."""
        if self.gradients is None:
            raise ValueError("the method reads gradients without declaring that it `needs_gradients`")
        return self.gradients


@dataclass(frozen=True)
class LayerExplainer(Explainer):
    """Base class of the methods that weight a layer's activations: class activation maps.

    Most methods override only :meth:`weights`, the weight of each map in the sum ``L = ReLU(sum_k w_k A_k)``. A method
    whose maps are not the activations also overrides :meth:`maps`. A method that is no weighted sum overrides
    :meth:`layer_saliency`.

    Args:
        layer: The target layer: None to find it, a name, or a module of the model; or a list of layers, whose maps are
            fused.
        fuse: Fusion of the normalised and enlarged maps of several layers: ``"mean"``, ``"max"`` (at each position) or
            ``"product"``.
    """

    layer: Layer | Sequence[Layer] = field(default=None, kw_only=True)
    fuse: Fuse = field(default="mean", kw_only=True)

    def __post_init__(self) -> None:
        if isinstance(self.layer, Sequence) and not isinstance(self.layer, str):
            object.__setattr__(self, "layer", tuple(self.layer))
            if not self.layer:
                raise ValueError("`layer` must name at least one layer, got an empty list: None finds one")
        super().__post_init__()

    @property
    def needs_gradients(self) -> bool:
        """Return True if the method reads the gradients of the target's score at the target layer."""
        return False

    def maps(self, evidence: LayerEvidence) -> Tensor:
        """Return the maps that are summed, (N, M, u, v), by default the activations."""
        return evidence.activations

    def weights(self, evidence: LayerEvidence, maps: Tensor) -> Tensor:
        """Compute the weight of each map in the sum, (N, M)."""
        raise NotImplementedError(f"{type(self).__name__} must override `weights` or `layer_saliency`")

    def layer_saliency(self, evidence: LayerEvidence) -> Tensor:
        """Compute the unnormalised map of one layer, (N, h, w), at the size of the feature maps or of the images."""
        maps = self.maps(evidence)
        return weighted_sum(maps, self.weights(evidence, maps)).relu()

    def derivative(self, score: Tensor, output: Tensor) -> Tensor | None:
        """Compute the derivative of the summed score at the layer's output, or None if there is none."""
        # In evaluation mode no image's score depends on another image, so one backward pass serves the whole batch.
        return torch.autograd.grad(score, output, retain_graph=True, allow_unused=True)[0]

    def gather(
        self, model: nn.Module, forward: Callable[[Tensor], Tensor], images: Tensor, targets: Targets
    ) -> LayerEvidence:
        """Run one forward pass of the images and collect the activations and gradients of each layer."""
        chosen = self.layer if isinstance(self.layer, tuple) else (self.layer,)
        layers = [resolve_layer(model, layer, images, forward=forward) for layer in chosen]
        return self._collect(model, forward, images, targets, layers)

    def at(self, evidence: LayerEvidence, images: Tensor) -> LayerEvidence:
        """Collect the evidence at the same layer and for the same target from variants of the explained images."""
        return self._collect(evidence.model, evidence.forward, images, evidence.target, [evidence.layer])

    def _collect(
        self,
        model: nn.Module,
        forward: Callable[[Tensor], Tensor],
        images: Tensor,
        targets: Targets,
        layers: Sequence[ResolvedLayer],
    ) -> LayerEvidence:
        with ExitStack() as stack:
            captures = [stack.enter_context(capture(layer.module, gradients=self.needs_gradients)) for layer in layers]
            logits = check_logits(forward(images), images)
            target = make_target(targets, logits)
        outputs = [each.output for each in captures]
        size = image_size(images)
        gradients = self._differentiate(target, logits, outputs)
        first, *others = (
            LayerEvidence(
                model,
                forward,
                images,
                target,
                logits.detach(),
                tuple(layer.name for layer in layers),
                layer=layer,
                activations=at_least_float32(layer.to_maps(output.detach(), size)),
                gradients=None if gradient is None else _to_maps(layer, gradient, output, size),
            )
            for layer, output, gradient in zip(layers, outputs, gradients, strict=True)
        )
        return replace(first, others=tuple(others))

    def saliency(self, evidence: Evidence) -> Tensor:
        """Compute the map of the layer, or the fused map of several layers, (N, h, w)."""
        if not isinstance(evidence, LayerEvidence):
            raise TypeError(
                f"{type(self).__name__} reads a layer, expected LayerEvidence, got {type(evidence).__name__}"
            )
        if not evidence.others:
            return self.layer_saliency(evidence)
        maps = [self.layer_saliency(each) for each in (evidence, *evidence.others)]
        return fuse_maps(maps, evidence.image_size, self.fuse)

    def _differentiate(self, target: Target, logits: Tensor, outputs: Sequence[Tensor]) -> Sequence[Tensor | None]:
        """Compute the gradient at each output, (N, ...), or (N, k, ...) for k targets per image."""
        if not self.needs_gradients:
            return [None] * len(outputs)
        with torch.enable_grad():
            scores = target.score(at_least_float32(logits))
            if scores.dim() == 1:
                return self._gradients(scores.sum(), outputs, target)
            columns = [self._gradients(column.sum(), outputs, target) for column in scores.unbind(dim=1)]
        return [torch.stack(gradients, dim=1) for gradients in zip(*columns, strict=True)]

    def _gradients(self, score: Tensor, outputs: Sequence[Tensor], target: Target) -> list[Tensor]:
        """Compute the gradient of the summed score at each output, or raise if there is none."""
        gradients = [self.derivative(score, output) if score.requires_grad else None for output in outputs]
        known = [gradient for gradient in gradients if gradient is not None]
        if len(known) == len(outputs):
            return known
        if target.function is not None:
            raise ValueError(
                "the function given as `targets` does not depend on the target layer's output: give another "
                "function, or choose a layer before the head"
            )
        raise NoGradientError("the logits do not depend on the target layer's output: choose a layer before the head")


def _to_maps(layer: ResolvedLayer, gradient: Tensor, output: Tensor, size: tuple[int, int]) -> Tensor:
    """Arrange the gradients at a layer's output, (N, ...) or (N, k, ...) for k targets per image, as feature maps."""
    if gradient.dim() == output.dim():
        return at_least_float32(layer.to_maps(gradient, size))
    maps = at_least_float32(layer.to_maps(gradient.flatten(0, 1), size))
    return maps.reshape(*gradient.shape[:2], *maps.shape[1:])


def weighted_sum(maps: Tensor, weights: Tensor) -> Tensor:
    """Compute the weighted sum of maps: ``sum_k w_k M_k``.

    A weight that is not finite belongs to a map without information, and counts as 0.

    Args:
        maps: (N, M, u, v).
        weights: (N, M), or (N, M, k) for k targets per image.

    Returns:
        (N, u, v) or (N, k, u, v).
    """
    weights = torch.where(weights.isfinite(), weights, 0)
    return torch.einsum("nmuv,nm...->n...uv", maps, weights)


def fuse_maps(maps: Sequence[Tensor], size: tuple[int, int], how: Fuse) -> Tensor:
    """Fuse the maps of several layers, each normalised to [0, 1] and enlarged to one size.

    Args:
        maps: Maps (N, h, w) or (N, k, h, w) of each layer, of any sizes.
        size: Height and width of the result.
        how: ``"mean"``, ``"max"`` or ``"product"``.

    Returns:
        (N, *size) or (N, k, *size).

    Example:
        >>> maps = [torch.tensor([[[0.0, 4.0]]]), torch.tensor([[[2.0, 1.0]]])]
        >>> fuse_maps(maps, (1, 2), "mean"), fuse_maps(maps, (1, 2), "product")
        (tensor([[[0.5000, 0.5000]]]), tensor([[[0., 0.]]]))
    """
    stacked = torch.stack([normalise(upsample(each, size)) for each in maps])
    if how == "mean":
        return stacked.mean(dim=0)
    return stacked.amax(dim=0) if how == "max" else stacked.prod(dim=0)
