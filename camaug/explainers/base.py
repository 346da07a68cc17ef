"""The contract that every explainer keeps, and the template that does what they share."""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from camaug.explainers.method_info import MethodInfo
from camaug.explainers.target import Target, make_target
from camaug.fast_forward.forward import FastForward
from camaug.functional.masks import normalise, upsample
from camaug.functional.precision import at_least_float32
from camaug.inspection.feature_maps import image_size
from camaug.inspection.neutral import neutral
from camaug.inspection.unwrap import unwrap

__all__ = ["Evidence", "Explainer", "Explanation", "Targets"]

Targets = int | Tensor | Callable[[Tensor], Tensor] | Target | None


@dataclass(frozen=True)
class Explanation:
    """What an explainer found.

    Attributes:
        maps: Saliency maps, (N, H, W), float32 in [0, 1], at the size of the images; all zero where there is no
            evidence for the target.
        logits: The model's logits for the images, (N, classes).
        targets: The explained classes, (N,), int64; the predicted ones where a function of the logits was explained.
        layers: Names of the layers that were looked at; empty for methods that look at pixels alone.
        grid: Height and width of the target layer's maps, of the finest where there are several; None for methods that
            look at pixels alone.
    """

    maps: Tensor
    logits: Tensor
    targets: Tensor
    layers: tuple[str, ...] = ()
    grid: tuple[int, int] | None = None


@dataclass(frozen=True)
class Evidence:
    """What a method may make a map of, after one forward pass.

    Attributes:
        model: The classifier, in evaluation mode.
        forward: Gives logits for any images, in the precision of the caller.
        images: The explained images X, (N, C, H, W).
        target: What is explained.
        logits: Logits y, (N, classes), as the model gave them.
        layers: Names of the layers that were looked at.
    """

    model: nn.Module
    forward: Callable[[Tensor], Tensor]
    images: Tensor
    target: Target
    logits: Tensor
    layers: tuple[str, ...] = ()

    @property
    def image_size(self) -> tuple[int, int]:
        """Height and width of the images."""
        return image_size(self.images)

    @property
    def grid(self) -> tuple[int, int] | None:
        """Height and width of the target layer's maps; None where no layer is looked at."""
        return None

    def score(self, queries: Tensor, owner: Tensor | None = None) -> Tensor:
        """The target's score, a logit where it is a class, for any images: (M, C, H, W) to (M,).

        At least in float32. ``owner`` (M,) says which of the N explained images each query was made of.
        """
        return self.target.score(at_least_float32(self.forward(queries)), owner)

    def confidence(self, queries: Tensor, owner: Tensor | None = None) -> Tensor:
        """The target's confidence, a probability where it is a class, for any images: (M, C, H, W) to (M,).

        At least in float32. ``owner`` (M,) says which of the N explained images each query was made of.
        """
        return self.target.confidence(at_least_float32(self.forward(queries)), owner)


@dataclass(frozen=True)
class Explainer(ABC):
    """Turns a classifier's answer for a batch of images into saliency maps.

    An explainer is configuration: it holds no model and may serve any number of them. A call leaves the model, the
    random-number states and the autograd state exactly as they were (see
    :func:`camaug.inspection.neutral.neutral`), and the same call gives the same map: methods that
    need noise draw it from a generator of their own.

    A method is a subclass of about thirty lines that says how evidence becomes a map: :class:`LayerExplainer` for
    those that weigh a layer's activations, :class:`PixelExplainer` for gradients at the input, and this class for
    those that need neither.
    """

    name: ClassVar[str] = "unregistered"
    info: ClassVar[MethodInfo | None] = None
    """Row of the method in docs/methods.md; required of the methods in ``camaug/explainers/methods``."""
    class_specific: ClassVar[bool] = True
    """Whether the map depends on the target; some methods show what stands out for the network as a whole."""

    @abstractmethod
    def saliency(self, evidence: Evidence) -> Tensor:
        """The unnormalised map, (N, h, w), at the features' size or the images'."""

    def gather(
        self, model: nn.Module, forward: Callable[[Tensor], Tensor], images: Tensor, targets: Targets
    ) -> Evidence:
        """One forward pass of the images, and what is kept of it."""
        logits = check_logits(forward(images), images)
        return Evidence(model, forward, images, make_target(targets, logits), logits.detach())

    def __call__(
        self,
        model: nn.Module,
        images: Tensor,
        targets: Targets = None,
        *,
        forward: Callable[[Tensor], Tensor] | None = None,
    ) -> Explanation:
        """Explain a batch of images.

        Args:
            model: A classifier; what DistributedDataParallel or ``torch.compile`` wrapped is looked into.
            images: Inputs of shape (N, C, H, W), on the model's device, as the model expects them.
            targets: What to explain: a class index for all images, or a tensor (N,) of them; a function from logits
                (M, classes) to scores (M,), each row by itself (``lambda logits: logits[:, 3] - logits[:, 5]`` for
                what speaks for class 3 against class 5); None for the predicted class.
            forward: How logits (N, classes) come from images, where ``model(images)`` does not give them; or a
                :class:`camaug.FastForward`, which gives nearly the same ones sooner.

        Returns:
            Maps, logits and targets.

        Raises:
            ValueError: If images or targets are of the wrong shape or range, the layer does not exist, or the logits
                do not depend on it.
            TypeError: If the forward does not give a tensor of logits.
        """
        _check_images(images)
        model = unwrap(model)
        asked = _in_ambient_precision(forward or model, images.device.type)
        with ExitStack() as stack:
            stack.enter_context(neutral(model))
            # A copy made here, where inference mode is off, may become a part of a graph.
            images = images.clone() if images.is_inference() else images.detach()
            if isinstance(forward, FastForward):
                stack.enter_context(forward.prepared(images))
                images = forward.to_memory_format(images)
            evidence = self.gather(model, asked, images, targets)
            # The sums of a method are made in float32, whatever precision the model's own forwards run in.
            with torch.autocast(images.device.type, enabled=False):
                saliency = self.saliency(evidence)
                maps = normalise(upsample(saliency[:, None].float(), evidence.image_size)[:, 0])
            return Explanation(maps, evidence.logits, evidence.target.classes, evidence.layers, evidence.grid)


def _in_ambient_precision(forward: Callable[[Tensor], Tensor], device: str) -> Callable[[Tensor], Tensor]:
    """The forward in the autocast state of the caller, wherever it is called from."""
    enabled, dtype = torch.is_autocast_enabled(device), torch.get_autocast_dtype(device)

    def run(images: Tensor) -> Tensor:
        with torch.autocast(device, dtype=dtype, enabled=enabled):
            return forward(images)

    return functools.update_wrapper(run, forward, assigned=(), updated=())  # sets `__wrapped__`, see forward_key


def _check_images(images: Tensor) -> None:
    if not isinstance(images, Tensor) or images.dim() != 4 or not images.is_floating_point():
        given = f"{images.dtype} {tuple(images.shape)}" if isinstance(images, Tensor) else type(images).__name__
        raise ValueError(f"`images` must be a floating-point tensor of shape (N, C, H, W), got {given}")
    if 0 in images.shape:
        raise ValueError(f"`images` must not be empty, got shape {tuple(images.shape)}")


def check_logits(logits: Tensor, images: Tensor) -> Tensor:
    """The logits, if they are some: (N, classes), for N images and at least two classes."""
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
