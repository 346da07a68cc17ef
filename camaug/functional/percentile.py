"""Percentiles of values."""

from __future__ import annotations

import math

from torch import Tensor

__all__ = ["percentile"]


def percentile(values: Tensor, percent: float) -> Tensor:
    """Compute a percentile along the last dimension, interpolated linearly.

    ``torch.quantile`` computes in float64, which some devices lack.

    Args:
        values: (..., M).
        percent: The percentile, in [0, 100].

    Returns:
        (...).

    Example:
        >>> import torch
        >>> percentile(torch.tensor([5.0, 1.0, 2.0]), 75)
        tensor(3.5000)
    """
    last = values.shape[-1] - 1
    rank = percent / 100 * last
    below = math.floor(rank)
    ordered = values.sort(dim=-1).values
    return ordered[..., below].lerp(ordered[..., min(below + 1, last)], rank - below)
