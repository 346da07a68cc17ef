"""What the metrics refuse."""

from __future__ import annotations

import torch
from torch import Tensor
from torchmetrics import Metric

__all__ = ["check_maps", "check_masks", "require_images"]


def check_maps(maps: Tensor, images: Tensor) -> None:
    """Raise a ValueError unless there is one map (N, H, W) for each image (N, C, H, W), of its size."""
    if images.dim() != 4 or maps.shape != (len(images), *images.shape[2:]):
        raise ValueError(
            f"`maps` must be (N, H, W), one for each of the images (N, C, H, W) and of their size, got maps "
            f"{tuple(maps.shape)} and images {tuple(images.shape)}"
        )


def check_masks(masks: Tensor, maps: Tensor) -> None:
    """Raise a ValueError unless there is one boolean mask for each map (N, H, W), of its size, and none is empty."""
    if maps.dim() != 3 or masks.shape != maps.shape or masks.dtype != torch.bool:
        raise ValueError(
            f"maps {tuple(maps.shape)} and masks {tuple(masks.shape)} must have one shape, (N, H, W), and masks be "
            f"boolean, got {masks.dtype}"
        )
    empty = (~masks.flatten(1).any(dim=1)).nonzero()[:, 0].tolist()
    if empty:
        raise ValueError(f"the masks of images {empty} are empty: leave out images without an object of the class")


def require_images(metric: Metric, count: Tensor) -> None:
    """Raise a ValueError if a metric has seen no images: there is nothing to take a mean of."""
    if int(count) == 0:
        raise ValueError(f"{type(metric).__name__} has seen no images: call update first")
