"""Precision of a model's inputs."""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["in_model_precision"]


def in_model_precision(images: Tensor, model: nn.Module) -> Tensor:
    """Return float64 images in the model's precision, since a training step casts them before the forward.

    Example:
        >>> in_model_precision(torch.zeros(1, 3, 8, 8, dtype=torch.float64), nn.Conv2d(3, 4, 3)).dtype
        torch.float32
    """
    if images.dtype != torch.float64:
        return images
    dtypes = {parameter.dtype for parameter in model.parameters() if parameter.is_floating_point()}
    return images.to(dtypes.pop()) if len(dtypes) == 1 else images
