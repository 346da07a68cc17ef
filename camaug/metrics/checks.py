"""Checks of the metrics' inputs."""

from __future__ import annotations

import torch
from torch import Tensor
from torchmetrics import Metric

from camaug.utils.check_types import check_types

__all__ = [
    "check_classes",
    "check_finite",
    "check_maps",
    "check_masks",
    "check_target_shape",
    "check_targets",
    "require_images",
]


def check_maps(maps: Tensor, images: Tensor) -> None:
    """Raise a ValueError unless there is one finite map (N, H, W) of the same size for each image (N, C, H, W)."""
    check_types(check_maps, locals())
    if images.dim() != 4 or maps.shape != (len(images), *images.shape[2:]):
        raise ValueError(
            f"`maps` must be (N, H, W), one for each of the images (N, C, H, W) and of their size, got maps "
            f"{tuple(maps.shape)} and images {tuple(images.shape)}"
        )
    check_finite(maps)


def check_finite(maps: Tensor) -> None:
    """Raise a ValueError if a map contains NaN or infinity."""
    if not maps.isfinite().all():  # one wait for the device, as in each of these checks
        broken = (~maps.isfinite().flatten(1).all(dim=1)).nonzero()[:, 0].tolist()
        raise ValueError(f"the maps {broken} are not finite: no metric can be computed from NaN or infinity")


def check_targets(targets: Tensor, logits: Tensor) -> None:
    """Raise a ValueError unless there is one known class (N,) for each row of logits (N, classes)."""
    check_target_shape(targets, len(logits))
    check_classes(targets, logits.shape[1])


def check_classes(targets: Tensor, classes: int) -> None:
    """Raise a ValueError unless all targets are among the model's classes."""
    is_unknown = (targets < 0) | (targets >= classes)
    if is_unknown.any():
        unknown = sorted(set(targets[is_unknown].tolist()))
        raise ValueError(f"`targets` must be among the model's {classes} classes, 0 to {classes - 1}, got {unknown}")


def check_target_shape(targets: Tensor, count: int) -> None:
    """Raise a ValueError unless there is one class (N,) for each of N images."""
    check_types(check_target_shape, locals())
    if targets.shape != (count,) or targets.is_floating_point():
        raise ValueError(
            f"`targets` must be one class for each of {count} images, got {targets.dtype} {tuple(targets.shape)}"
        )


def check_masks(masks: Tensor, maps: Tensor) -> None:
    """Raise a ValueError unless there is one non-empty boolean mask of the same size for each map (N, H, W)."""
    check_types(check_masks, locals())
    if maps.dim() != 3 or masks.shape != maps.shape or masks.dtype != torch.bool:
        raise ValueError(
            f"maps {tuple(maps.shape)} and masks {tuple(masks.shape)} must have one shape, (N, H, W), and masks be "
            f"boolean, got {masks.dtype}"
        )
    has_object = masks.flatten(1).any(dim=1)
    if not (maps.isfinite().all() & has_object.all()):
        check_finite(maps)
        empty = (~has_object).nonzero()[:, 0].tolist()
        raise ValueError(f"the masks of images {empty} are empty: leave out images without an object of the class")


def require_images(metric: Metric, count: Tensor) -> None:
    """Raise a ValueError if a metric has seen no images."""
    if int(count) == 0:
        raise ValueError(f"{type(metric).__name__} has seen no images: call update first")
