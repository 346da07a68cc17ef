"""Base class of all explainers, with the steps that they share."""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor, nn

from camaug.explainers.method_info import MethodInfo
from camaug.explainers.target import Target, make_target
from camaug.fast_forward.forward import FastForward
from camaug.functional.masks import normalise, upsample
from camaug.functional.precision import at_least_float32
from camaug.inspection.feature_maps import image_size
from camaug.inspection.model_output import REMEDY, LogitsForward
from camaug.inspection.model_precision import in_model_precision
from camaug.inspection.neutral import neutral
from camaug.inspection.unwrap import unwrap
from camaug.utils.check_types import check_types

__all__ = ["Evidence", "Explainer", "Explanation", "Targets"]

_SHOWN_TARGETS = 8

Targets = int | Tensor | Callable[[Tensor], Tensor] | Target | None


@dataclass(frozen=True, repr=False)
class Explanation:
    """Heatmaps of a batch of images, with the logits and targets they explain.

    Attributes:
        maps: Saliency maps, (N, H, W), or (N, k, H, W) for k targets per image, float32 in [0, 1], at the size of the
            images; all zero where there is no evidence for the target, and for padding.
        logits: The model's logits for the images, (N, classes).
        targets: The explained classes, (N,) or (N, k), int64, where -1 is padding; the predicted classes where a
            function of the logits is explained.
        layers: Names of the target layers; empty for methods that read no layer.
        grid: Height and width of the target layer's feature maps, the largest where there are several layers; None for
            methods that read no layer.
        method: Name of the explainer.
    """

    maps: Tensor
    logits: Tensor
    targets: Tensor
    layers: tuple[str, ...] = ()
    grid: tuple[int, int] | None = None
    method: str = ""

    def __repr__(self) -> str:
        shown = str(self.targets[:_SHOWN_TARGETS].tolist())
        targets = shown if len(self.targets) <= _SHOWN_TARGETS else f"{shown[:-1]}, …]"
        layers = f", layers={list(self.layers)}" if self.layers else ""
        return f"Explanation({self.method}, maps={tuple(self.maps.shape)}, targets={targets}{layers})"


@dataclass(frozen=True)
class Evidence:
    """Inputs of an explanation method: model, images, target and logits.

    Attributes:
        model: The classifier, in evaluation mode.
        forward: Function from images to logits, run in the precision of the caller.
        images: The explained images X, (N, C, H, W).
        target: The classes or the function of the logits that is explained.
        logits: The model's logits y, (N, classes).
        layers: Names of the target layers.
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
        """Height and width of the target layer's feature maps, or None for methods that read no layer."""
        return None

    def column(self, index: int) -> Evidence:
        """Return the evidence for only one of the k targets of each image."""
        return replace(self, target=self.target.column(index))

    def score(self, queries: Tensor, owner: Tensor | None = None) -> Tensor:
        """Compute the target's score for any images: the logit of a class, or the value of the target's function.

        Args:
            queries: Images (M, C, H, W), usually made from the explained images.
            owner: Index of the explained image that each query was made from, (M,); their order by default.

        Returns:
            Scores (M,), or (M, k) for k targets per image, at least float32.
        """
        return self.target.score(at_least_float32(self.forward(queries)), owner)

    def confidence(self, queries: Tensor, owner: Tensor | None = None) -> Tensor:
        """Compute the target's confidence for any images: the probability of a class, or the function's value.

        Arguments and result are those of :meth:`score`.
        """
        return self.target.confidence(at_least_float32(self.forward(queries)), owner)


@dataclass(frozen=True)
class Explainer(ABC):
    """Base class of the methods that compute saliency maps of a classifier's prediction.

    An explainer is configuration: it holds no model, and one explainer works with any number of models. A call leaves
    the model, the random-number states and the autograd state exactly as they were (see
    :func:`camaug.inspection.neutral.neutral`). The same call gives the same map: methods that need noise draw it from
    a generator of their own.

    A method is a subclass that computes a map from evidence. It derives from :class:`LayerExplainer` if it weights a
    layer's activations, from :class:`PixelExplainer` if it uses gradients at the image, and otherwise from this class.
    """

    name: ClassVar[str] = "unregistered"
    info: ClassVar[MethodInfo | None] = None
    """Row of the method in docs/methods.md; required of the methods in ``camaug/explainers/methods``."""
    class_specific: ClassVar[bool] = True
    """True if the map depends on the target; False for methods that show what stands out whatever the class."""

    def __post_init__(self) -> None:
        check_types(type(self), vars(self))

    @property
    def shares_queries(self) -> bool:
        """Return True if :meth:`saliency` can compute the maps of k targets per image together, (N, k, h, w).

        The same queries then serve all targets. Otherwise :meth:`saliency` is called for one target after another.
        """
        return False

    @abstractmethod
    def saliency(self, evidence: Evidence) -> Tensor:
        """Compute the unnormalised map, (N, h, w), at the size of the feature maps or of the images."""

    def gather(
        self, model: nn.Module, forward: Callable[[Tensor], Tensor], images: Tensor, targets: Targets
    ) -> Evidence:
        """Run one forward pass of the images and collect the evidence."""
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
            model: A classifier; DistributedDataParallel and ``torch.compile`` are unwrapped.
            images: Inputs (N, C, H, W), on the model's device, normalised as the model expects.
            targets: A class index for all images, or a tensor (N,) of class indices; the labels of a multi-label
                model, (N, k), padded with -1; a function from logits (M, classes) to scores (M,), each row by itself
                (``lambda logits: logits[:, 3] - logits[:, 5]`` for the evidence for class 3 against class 5); None for
                the predicted class.
            forward: Function from images to an output that holds logits (N, classes), where ``model(images)`` does not
                return one (:func:`camaug.inspection.model_output.read_logits` lists what is read); or a
                :class:`camaug.FastForward`, which computes nearly the same logits in less time.

        Returns:
            Maps, logits and targets.

        Raises:
            ValueError: If images or targets are of the wrong shape or range, the layer does not exist, or the logits
                do not depend on it.
            TypeError: If the forward returns no tensor.
        """
        check_types(Explainer.__call__, {"model": model, "forward": forward})
        _check_images(images)
        model = unwrap(model)
        run = _in_ambient_precision(LogitsForward(forward or model), images.device.type)
        with ExitStack() as stack:
            stack.enter_context(neutral(model))
            # Inference mode is off here, so that the copy can take part in autograd.
            images = images.clone() if images.is_inference() else images.detach()
            images = in_model_precision(images, model)
            if isinstance(forward, FastForward):
                stack.enter_context(forward.prepared(images))
                images = forward.to_memory_format(images)
            # Only the model's forward passes run in the caller's precision, in which gradients and maps could overflow.
            with torch.autocast(images.device.type, enabled=False):
                evidence = self.gather(model, run, images, targets)
                saliency = self.saliency(evidence) if evidence.target.classes.dim() == 1 else self._of_columns(evidence)
                maps = normalise(upsample(saliency.float(), evidence.image_size))
            return Explanation(
                maps, evidence.logits, evidence.target.classes, evidence.layers, evidence.grid, self.name
            )

    def _of_columns(self, evidence: Evidence) -> Tensor:
        """Compute the unnormalised maps of k targets per image, (N, k, h, w), all zero for padding."""
        classes = evidence.target.classes
        if not self.class_specific:
            maps = self.saliency(evidence.column(0))[:, None]
        elif self.shares_queries:
            maps = self.saliency(evidence)
        else:
            maps = torch.stack([self.saliency(evidence.column(index)) for index in range(classes.shape[1])], dim=1)
        return torch.where(classes[:, :, None, None] < 0, 0, maps)


def _in_ambient_precision(forward: Callable[[Tensor], Tensor], device: str) -> Callable[[Tensor], Tensor]:
    """Return the forward, made to run in the autocast state of the present caller."""
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
    """Return the logits, or raise unless there is one row for each image."""
    if len(logits) != len(images):
        raise ValueError(
            f"the model's forward returns a tensor of shape {tuple(logits.shape)}, expected logits (N, classes) with "
            f"N = {len(images)}: {REMEDY}"
        )
    return logits
