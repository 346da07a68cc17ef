"""What the metrics refuse."""

from __future__ import annotations

from torch import Tensor
from torchmetrics import Metric

__all__ = ["check_maps", "require_images"]


def check_maps(maps: Tensor, images: Tensor) -> None:
    """Raise a ValueError unless there is one map (N, H, W) for each image (N, C, H, W), of its size."""
    if images.dim() != 4 or maps.shape != (len(images), *images.shape[2:]):
        raise ValueError(
            f"`maps` must be (N, H, W), one for each of the images (N, C, H, W) and of their size, got maps "
            f"{tuple(maps.shape)} and images {tuple(images.shape)}"
        )


def require_images(metric: Metric, count: Tensor) -> None:
    """Raise a ValueError if a metric has seen no images: there is nothing to take a mean of."""
    if int(count) == 0:
        raise ValueError(f"{type(metric).__name__} has seen no images: call update first")
