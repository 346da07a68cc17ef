"""Confidence of a classifier in given classes."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from camaug.inspection.model_output import LogitsForward
from camaug.inspection.neutral import neutral
from camaug.inspection.unwrap import unwrap
from camaug.metrics.checks import check_targets

__all__ = ["confidence", "predicted_classes", "target_probability"]


def confidence(logits: Tensor, targets: Tensor) -> Tensor:
    """Compute the softmax probability of each image's class.

    Args:
        logits: (N, classes).
        targets: Class indices, (N,).

    Returns:
        (N,), in [0, 1].

    Raises:
        ValueError: If there is not one class for each row of the logits, among the model's classes.

    Example:
        >>> import torch
        >>> confidence(torch.tensor([[0.0, 0.0]]), torch.tensor([1]))
        tensor([0.5000])
    """
    check_targets(targets, logits)
    return target_probability(logits, targets)


def target_probability(logits: Tensor, targets: Tensor) -> Tensor:
    """Compute the softmax probability of each image's class, without a check of the classes.

    Arguments and result are those of :func:`confidence`.
    """
    return logits.float().softmax(dim=1).gather(1, targets[:, None])[:, 0]


def predicted_classes(model: nn.Module, images: Tensor, forward: Callable[[Tensor], Tensor] | None = None) -> Tensor:
    """Return the model's most probable class of each image, (N,), and leave the model's state unchanged.

    Args:
        model: The classifier.
        images: (N, C, H, W).
        forward: Function from images to logits, where they cannot be read from ``model(images)``.
    """
    with neutral(unwrap(model)):
        return LogitsForward(forward or model)(images).argmax(dim=1)
