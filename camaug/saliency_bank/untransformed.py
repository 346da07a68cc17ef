"""Whole images in place of random views: what the bank's maps are made from."""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import Tensor
from torch.utils.data import Dataset
from torchvision.transforms import v2

from camaug.saliency_bank.map_carrier import MapCarrier
from camaug.saliency_bank.shard import Maps
from camaug.saliency_bank.user_transform import (
    ADVICE,
    COLOURS,
    FIXED,
    leaf_transforms,
    transform_owner,
    user_transform,
    with_transform,
)

__all__ = ["untransformed", "untransformed_view", "view_size"]


def untransformed(dataset: Dataset[Any], size: tuple[int, int]) -> Dataset[Any]:
    """Return a copy of the user's data set with the whole image in every item.

    Args:
        dataset: The user's data set, which is not changed.
        size: Height and width of the images.
    """
    whole: Dataset[Any] = with_transform(dataset, untransformed_view(user_transform(dataset), size))
    return whole


def untransformed_view(transform: v2.Transform, size: tuple[int, int]) -> v2.Transform:
    """Return the fixed parts of a transform, with a resize to one size in place of everything random or geometric.

    Args:
        transform: The training data's transform.
        size: Height and width of the result.

    Example:
        >>> import torch
        >>> training = v2.Compose([v2.RandomResizedCrop(8), v2.ToImage(), v2.ToDtype(torch.float32, scale=True)])
        >>> [type(part).__name__ for part in untransformed_view(training, (8, 8)).transforms]
        ['Resize', 'ToImage', 'ToDtype']
    """
    fixed = [part for part in leaf_transforms(transform) if isinstance(part, FIXED)]
    # The colours of a palette image can be mixed only once it is RGB.
    first = next((index for index, part in enumerate(fixed) if not isinstance(part, COLOURS)), len(fixed))
    return v2.Compose([*fixed[:first], v2.Resize(list(size)), *fixed[first:]])


def view_size(dataset: Dataset[Any]) -> tuple[int, int]:
    """Return the height and width of the training views, by loading the first item.

    Draws random numbers as an item does.

    Args:
        dataset: The user's data set.

    Raises:
        ValueError: If maps cannot be carried through its transform.
    """
    if len(dataset) == 0:  # type: ignore[arg-type]
        raise ValueError(f"{type(dataset).__name__} is empty, and the saliency bank needs images")
    transform = user_transform(dataset)
    view = _first_view(dataset, transform, np.full((2, 2), 255, dtype=np.uint8))
    if not isinstance(view, Tensor) or view.dim() != 3:
        raise ValueError(
            f"the transform of {transform_owner(dataset)} must return a tensor (C, H, W), got "
            f"{tuple(view.shape) if isinstance(view, Tensor) else type(view).__name__}: {ADVICE}"
        )
    size = (int(view.shape[-2]), int(view.shape[-1]))
    whole = _first_view(dataset, untransformed_view(transform, size), None)
    if not isinstance(whole, Tensor) or (whole.dtype, whole.shape) != (view.dtype, view.shape):
        actual = f"{whole.dtype} {tuple(whole.shape)}" if isinstance(whole, Tensor) else type(whole).__name__
        raise ValueError(
            f"the transform of {transform_owner(dataset)} makes {view.dtype} {tuple(view.shape)}, and its parts that "
            f"are not random make {actual}: the parts known not to be random are "
            f"{', '.join(part.__name__ for part in FIXED)}, use these to convert the images, or leave the bank off "
            "(refresh_every_n_epochs)"
        )
    return size


def _first_view(dataset: Dataset[Any], transform: v2.Transform, small: Maps | None) -> Any:
    carrier = MapCarrier(transform)
    carrier.load(with_transform(dataset, carrier), 0, small)
    return carrier.view
