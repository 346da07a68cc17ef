"""The contract that every explainer keeps, and the template that does what they share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar

import torch
from torch import Tensor, nn

from camaug.features import capture, image_size
from camaug.layers import resolve_layer, unwrap
from camaug.masking import normalise, upsample
from camaug.observe import observing

__all__ = ["Evidence", "Explainer", "Explanation"]


@dataclass(frozen=True)
class Explanation:
    """What an explainer found.

    Attributes:
        maps: Saliency maps, (N, H, W), float32 in [0, 1], at the size of the images; all zero where there is no
            evidence for the target.
        logits: The model's logits for the images, (N, classes).
        targets: The explained classes, (N,), int64.
    """

    maps: Tensor
    logits: Tensor
    targets: Tensor


@dataclass(frozen=True)
class Evidence:
    """What a method may make a map of, all from one forward pass.

    Attributes:
        images: The explained images X, (N, C, H, W).
        targets: The explained classes c, (N,).
        logits: Logits y, (N, classes), float32.
        activations: The target layer's feature maps A, (N, K, u, v), float32.
        gradients: dy_c / dA, (N, K, u, v), float32; None for methods that do without.
        predict: Gives the model's class probabilities, (M, classes), float32, for any images (M, C, H, W).
    """

    images: Tensor
    targets: Tensor
    logits: Tensor
    activations: Tensor
    gradients: Tensor | None
    predict: Callable[[Tensor], Tensor]

    def require_gradients(self) -> Tensor:
        """The gradients; an error where the method did not ask for them by ``needs_gradients``."""
        if self.gradients is None:
            raise ValueError("the method reads gradients without declaring that it `needs_gradients`")
        return self.gradients

    @property
    def image_size(self) -> tuple[int, int]:
        """Height and width of the images."""
        return image_size(self.images)


@dataclass(frozen=True)
class Explainer(ABC):
    """Turns a classifier's answer for a batch of images into saliency maps.

    An explainer is configuration: it holds no model and may serve any number of them. A call leaves the model, the
    random-number states and the autograd state exactly as they were (see :func:`camaug.observe.observing`).

    A method is a subclass of about thirty lines. It says how evidence becomes a map: most override :meth:`weights`
    alone, the weight of each map in the sum; where the maps are not the activations, also :meth:`maps`; and the few
    that are no weighted sum, :meth:`saliency`.

    Args:
        layer: The target layer: None to find it, a name, or a module of the model.
    """

    name: ClassVar[str] = "unregistered"

    layer: str | nn.Module | None = field(default=None, kw_only=True)

    @property
    def needs_gradients(self) -> bool:
        """Whether the method reads the gradients of the target's logit at the target layer."""
        return False

    def maps(self, evidence: Evidence) -> Tensor:
        """The maps that are summed, (N, M, u, v): the activations unless a method says otherwise."""
        return evidence.activations

    @abstractmethod
    def weights(self, evidence: Evidence, maps: Tensor) -> Tensor:
        """The weight of each map in the sum, (N, M)."""

    def saliency(self, evidence: Evidence) -> Tensor:
        """The unnormalised map, (N, h, w), at the features' size or the images'."""
        maps = self.maps(evidence)
        return weighted_sum(maps, self.weights(evidence, maps)).relu()

    def __call__(
        self,
        model: nn.Module,
        images: Tensor,
        targets: int | Tensor | None = None,
        *,
        forward: Callable[[Tensor], Tensor] | None = None,
    ) -> Explanation:
        """Explain a batch of images.

        Args:
            model: A classifier; what DistributedDataParallel or ``torch.compile`` wrapped is looked into.
            images: Inputs of shape (N, C, H, W), on the model's device, as the model expects them.
            targets: The class to explain, one index for all or a tensor (N,); None explains the predicted class.
            forward: How logits (N, classes) come from images, where ``model(images)`` does not give them.

        Returns:
            Maps, logits and targets.

        Raises:
            ValueError: If images or targets are of the wrong shape or range, the layer does not exist, or the logits
                do not depend on it.
            TypeError: If the forward does not give a tensor of logits.
        """
        _check_images(images)
        model = unwrap(model)
        forward = _in_ambient_precision(forward or model, images.device.type)
        images = images.detach().clone() if images.is_inference() else images.detach()
        with observing(model):
            layer = resolve_layer(model, self.layer, images, forward=forward)
            with capture(layer.module, gradients=self.needs_gradients) as captured:
                logits = _check_logits(forward(images), images)
            targets = _check_targets(targets, logits)
            gradients = _gradients(logits, targets, captured.output) if self.needs_gradients else None
            # The sums of a method are made in float32, whatever precision the model's own forwards run in.
            with torch.autocast(images.device.type, enabled=False):
                size = image_size(images)
                evidence = Evidence(
                    images=images,
                    targets=targets,
                    logits=logits.detach().float(),
                    activations=layer.to_maps(captured.output.detach(), size).float(),
                    gradients=None if gradients is None else layer.to_maps(gradients, size).float(),
                    predict=lambda queries: forward(queries).detach().float().softmax(dim=-1),
                )
                saliency = self.saliency(evidence)
                maps = normalise(upsample(saliency[:, None], size)[:, 0])
            return Explanation(maps, logits.detach(), targets)


def weighted_sum(maps: Tensor, weights: Tensor) -> Tensor:
    """Sum maps by weights: ``sum_k w_k M_k``.

    A weight that is not finite belongs to a map that says nothing, and counts as 0.

    Args:
        maps: (N, M, u, v).
        weights: (N, M).

    Returns:
        (N, u, v).
    """
    weights = torch.where(weights.isfinite(), weights, 0)
    return torch.einsum("nmuv,nm->nuv", maps, weights)


def _in_ambient_precision(forward: Callable[[Tensor], Tensor], device: str) -> Callable[[Tensor], Tensor]:
    """The forward in the autocast state of the caller, wherever it is called from."""
    enabled, dtype = torch.is_autocast_enabled(device), torch.get_autocast_dtype(device)

    def run(images: Tensor) -> Tensor:
        with torch.autocast(device, dtype=dtype, enabled=enabled):
            return forward(images)

    return run


def _gradients(logits: Tensor, targets: Tensor, output: Tensor) -> Tensor:
    # In evaluation mode no image's logits depend on another image, so one backward pass serves the whole batch.
    chosen = torch.zeros_like(logits).scatter_(1, targets[:, None], 1)
    gradient = torch.autograd.grad(logits, output, chosen, allow_unused=True)[0] if logits.requires_grad else None
    if gradient is None:
        raise ValueError("the logits do not depend on the target layer's output: choose a layer before the head")
    return gradient


def _check_images(images: Tensor) -> None:
    if not isinstance(images, Tensor) or images.dim() != 4 or not images.is_floating_point():
        given = f"{images.dtype} {tuple(images.shape)}" if isinstance(images, Tensor) else type(images).__name__
        raise ValueError(f"`images` must be a floating-point tensor of shape (N, C, H, W), got {given}")
    if 0 in images.shape:
        raise ValueError(f"`images` must not be empty, got shape {tuple(images.shape)}")


def _check_logits(logits: Tensor, images: Tensor) -> Tensor:
    if not isinstance(logits, Tensor):
        raise TypeError(
            f"the model's forward gives a {type(logits).__name__}, expected a tensor of logits (N, classes): "
            "pass forward=, a function from images to logits"
        )
    if logits.dim() != 2 or len(logits) != len(images):
        raise ValueError(
            f"the model's forward gives a tensor of shape {tuple(logits.shape)}, expected logits (N, classes) with "
            f"N = {len(images)}: pass forward=, a function from images to logits"
        )
    if logits.shape[1] < 2:
        raise ValueError(
            "the model gives one logit an image, expected at least two classes: for a sigmoid classifier pass "
            "forward=, for example lambda images: torch.cat([torch.zeros(len(images), 1), model(images)], dim=1)"
        )
    return logits


def _check_targets(targets: int | Tensor | None, logits: Tensor) -> Tensor:
    count, classes = logits.shape
    if targets is None:
        return logits.detach().argmax(dim=1)
    targets = torch.as_tensor(targets, device=logits.device)
    if targets.is_floating_point() or targets.dtype == torch.bool or targets.dim() > 1:
        raise ValueError(
            f"`targets` must be class indices, one integer or a tensor of shape ({count},), "
            f"got {targets.dtype} of shape {tuple(targets.shape)}"
        )
    if targets.dim() == 1 and len(targets) != count:
        raise ValueError(f"`targets` must name one class for each of the {count} images, got {len(targets)}")
    if targets.min() < 0 or targets.max() >= classes:
        wrong = sorted({int(t) for t in targets.reshape(-1) if not 0 <= t < classes})
        raise ValueError(f"`targets` must be between 0 and {classes - 1}, the model's last class, got {wrong}")
    return targets.long().expand(count)
