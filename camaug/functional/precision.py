"""Precision of sums."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["at_least_float32"]


def at_least_float32(tensor: Tensor) -> Tensor:
    """Convert a tensor to float32, unless it is float64.

    Example:
        >>> at_least_float32(torch.ones(2, dtype=torch.bfloat16)).dtype, at_least_float32(torch.ones(2).double()).dtype
        (torch.float32, torch.float64)
    """
    return tensor if tensor.dtype == torch.float64 else tensor.float()
