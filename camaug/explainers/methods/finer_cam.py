"""Finer-CAM."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from camaug.explainers.base import Evidence, Targets
from camaug.explainers.method_info import MethodInfo
from camaug.explainers.registry import register_explainer
from camaug.explainers.target import Target, pick_logits
from camaug.explainers.wrapper import WrappingExplainer
from camaug.functional.precision import at_least_float32

__all__ = ["FinerCAM", "similar_classes"]


def similar_classes(logits: Tensor, classes: Tensor, count: int) -> Tensor:
    """Find the classes whose logits are nearest to the target's.

    Args:
        logits: (N, classes).
        classes: The target of each image, (N,), or its k targets, (N, k).
        count: Number of classes; all others where there are fewer.

    Returns:
        (N, count) or (N, k, count).

    Example:
        >>> similar_classes(torch.tensor([[5.0, 1.0, 4.0, 5.5]]), torch.tensor([0]), count=2)
        tensor([[3, 2]])
    """
    if classes.dim() == 2:
        return torch.stack([similar_classes(logits, column, count) for column in classes.unbind(dim=1)], dim=1)
    distance = at_least_float32((logits - pick_logits(logits, classes)[:, None]).abs())
    distance = distance.scatter(1, classes.clamp(min=0)[:, None], torch.inf)
    return distance.topk(min(count, logits.shape[1] - 1), dim=1, largest=False).indices


@register_explainer("finer-cam")
@dataclass(frozen=True)
class FinerCAM(WrappingExplainer):
    """Finer-CAM: evidence for a class against the most similar ones, of the score ``y_c - gamma mean_d(y_d)``.

    Zhang et al. 2025, Finer-CAM: Spotting the Difference Reveals Finer Details for Visual Explanation
    (arXiv 2501.11309), equations 4 and 5, where d are the classes whose logits are nearest to the target's. Works with
    any method. Costs one forward pass more than the method.

    Args:
        explainer: The inner method: an explainer or its name.
        layer: Target layer of the inner method, or a list of layers; None for the inner method's own.
        gamma: Strength of the comparison; 0 is the method itself.
        references: Number of classes to compare with.

    Example:
        >>> import torchvision
        >>> FinerCAM(references=1)(torchvision.models.resnet18(), torch.rand(2, 3, 64, 64)).maps.shape
        torch.Size([2, 64, 64])
    """

    info: ClassVar[MethodInfo] = MethodInfo(
        section="wrappers",
        paper="[Zhang 2025](https://arxiv.org/abs/2501.11309)",
        passes="the method's + 1",
        needs="at least two classes",
        oracle="torchcam",
    )

    gamma: float = 0.6
    references: int = 3

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.references < 1:
            raise ValueError(f"`references` must be at least 1 class, got {self.references}")

    @property
    def shares_queries(self) -> bool:
        """Return True if the inner method's queries serve all targets."""
        return self.inner.shares_queries

    def gather(
        self, model: nn.Module, forward: Callable[[Tensor], Tensor], images: Tensor, targets: Targets
    ) -> Evidence:
        """Collect the inner method's evidence for the comparison."""
        if isinstance(targets, Target) and targets.function is not None:  # made before, for the image itself
            return self.inner.gather(model, forward, images, targets)
        prediction = super(WrappingExplainer, self).gather(model, forward, images, targets)
        classes = prediction.target.require_classes(self.name)
        similar = similar_classes(prediction.logits, classes, self.references)

        def margin(logits: Tensor, owner: Tensor) -> Tensor:
            own, others = pick_logits(logits, classes[owner]), pick_logits(logits, similar[owner])
            return own - self.gamma * others.mean(dim=-1)

        return self.inner.gather(model, forward, images, Target(classes, margin))

    def saliency(self, evidence: Evidence) -> Tensor:
        """Compute the inner method's map of the comparison, (N, h, w)."""
        return self.inner.saliency(evidence)
