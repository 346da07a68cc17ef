"""Copies from a device to the main memory."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["fetched"]


def fetched(*tensors: Tensor) -> list[Tensor]:
    """Return float32 tensors in the main memory, waiting for their device once rather than for each of them.

    Example:
        >>> fetched(torch.zeros(2), torch.ones(1, 1))
        [tensor([0., 0.]), tensor([[1.]])]
    """
    flat = torch.cat([tensor.detach().float().flatten() for tensor in tensors]).cpu()
    parts = torch.split(flat, [tensor.numel() for tensor in tensors])
    return [part.view(tensor.shape) for part, tensor in zip(parts, tensors, strict=True)]
