"""What the metrics refuse."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torchmetrics import Metric

__all__ = ["check_maps", "mean_over"]


def check_maps(maps: Tensor, images: Tensor) -> None:
    """Raise a ValueError unless there is one map (N, H, W) for each image (N, C, H, W), of its size."""
    if images.dim() != 4 or maps.shape != (len(images), *images.shape[2:]):
        raise ValueError(
            f"`maps` must be (N, H, W), one for each of the images (N, C, H, W) and of their size, got maps "
            f"{tuple(maps.shape)} and images {tuple(images.shape)}"
        )


def mean_over(metric: Metric, values: Sequence[Tensor] | Tensor) -> Tensor:
    """The mean of all images' values, which TorchMetrics keeps as a list, or joined after a synchronisation.

    Raises:
        ValueError: If there are none.
    """
    joined = torch.cat([torch.as_tensor(each).reshape(-1) for each in values]) if len(values) else torch.zeros(0)
    if joined.numel() == 0:
        raise ValueError(f"{type(metric).__name__} has seen no images: call update first")
    return joined.mean()
