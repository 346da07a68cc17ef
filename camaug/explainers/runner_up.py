"""The class that competes with the label."""

from __future__ import annotations

import torch
from torch import Tensor

from camaug.explainers.target import Target

__all__ = ["runner_up"]


def runner_up(classes: Tensor) -> Target:
    """Return the target that explains the most probable class other than an image's own.

    Args:
        classes: The image's class (N,), or its k classes (N, k), padded with -1: the runner-up is none of them.

    Example:
        >>> runner_up(torch.tensor([2])).score(torch.tensor([[1.0, 4.0, 9.0]]))
        tensor([4.])
    """

    def score(logits: Tensor, owner: Tensor) -> Tensor:
        own = classes[owner].view(len(logits), -1)
        is_own = torch.zeros_like(logits, dtype=torch.bool).scatter(1, own.clamp(min=0), own >= 0)
        best = logits.masked_fill(is_own, -torch.inf).amax(dim=1)
        return best if classes.dim() == 1 else best[:, None].expand(len(logits), classes.shape[1])

    return Target(classes, score, multilabel=classes.dim() == 2)
