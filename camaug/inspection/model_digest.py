"""A digest of a model's weights."""

from __future__ import annotations

import hashlib

import torch
from torch import nn

__all__ = ["model_digest"]


def model_digest(model: nn.Module) -> str:
    """Return the SHA-256 digest of a model's state: names, types, shapes and bytes of its parameters and buffers.

    Args:
        model: The model, on any device.

    Returns:
        ``sha256:`` and 64 hexadecimal digits, the same for the same state on any device.

    Example:
        >>> model = nn.Linear(2, 2)
        >>> before = model_digest(model)
        >>> _ = model.weight.data.mul_(2)
        >>> model_digest(model) == before
        False
    """
    digest = hashlib.sha256()
    for name, tensor in sorted((*model.named_parameters(), *model.named_buffers()), key=lambda named: named[0]):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        if tensor.numel():
            digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return f"sha256:{digest.hexdigest()}"
