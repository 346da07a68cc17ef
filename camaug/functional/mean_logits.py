"""Logits of the mean of two predictions."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from camaug.functional.precision import at_least_float32

__all__ = ["mean_logits"]


def mean_logits(first: Tensor, second: Tensor, *, multi_label: bool = False) -> Tensor:
    """Return logits of the mean probabilities of two predictions, for the same loss and metrics.

    Args:
        first: Logits (N, classes), or one logit for each image, (N,) or (N, 1).
        second: Logits of the same shape.
        multi_label: True if the probability of a class is the sigmoid of its logit, and not the softmax of all. One
            logit for each image is always taken so.

    Returns:
        Logits of the same shape, whose softmax, or sigmoid, is the mean of both.

    Example:
        >>> first, second = torch.tensor([[0.0, 0.0]]), torch.tensor([[0.0, -torch.inf]])
        >>> mean_logits(first, second).softmax(dim=1)
        tensor([[0.7500, 0.2500]])
    """
    pair = at_least_float32(first), at_least_float32(second)
    if multi_label or first.dim() == 1 or first.shape[1] == 1:
        yes = torch.logaddexp(*(F.logsigmoid(logits) for logits in pair))
        no = torch.logaddexp(*(F.logsigmoid(-logits) for logits in pair))
        return (yes - no).to(first.dtype)
    mean = torch.logaddexp(*(logits.log_softmax(dim=1) for logits in pair)) - math.log(2)
    return mean.to(first.dtype)
