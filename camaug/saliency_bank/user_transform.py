"""The transform of the user's training data, and copies of the data set with another transform."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from torch.utils.data import Subset
from torchvision.transforms import v2

from camaug.utils.dataset_layers import transformed_dataset

__all__ = ["ADVICE", "COLOURS", "FIXED", "leaf_transforms", "transform_owner", "user_transform", "with_transform"]

COLOURS = (v2.RGB, v2.Grayscale)
FIXED = (*COLOURS, v2.ToImage, v2.PILToTensor, v2.ToDtype, v2.ConvertImageDtype, v2.Normalize, v2.ToPureTensor)
"""Transforms that are not random and leave the geometry as it is."""
ADVICE = "give the training data a torchvision.transforms.v2 transform, or leave the bank off (refresh_every_n_epochs)"


def user_transform(dataset: Any) -> v2.Transform:
    """Return the transform of a data set, itself or inside of ``Subset``s.

    Raises:
        ValueError: If the data set has no ``transform``, or one that takes no pair of image and mask.
    """
    dataset = transformed_dataset(dataset)
    if not hasattr(dataset, "transform"):
        raise ValueError(
            f"{type(dataset).__name__} has no attribute `transform` through which maps could be carried: {ADVICE}"
        )
    transform = v2.Identity() if dataset.transform is None else dataset.transform
    if not isinstance(transform, v2.Transform):
        raise ValueError(
            f"the transform of {type(dataset).__name__} is a {type(transform).__module__}.{type(transform).__name__}, "
            f"which takes an image and no mask with it: {ADVICE}"
        )
    _check_order(dataset, list(leaf_transforms(transform)))
    return transform


def with_transform(dataset: Any, transform: Callable[[Any], Any]) -> Any:
    """Return a shallow copy of a data set with another transform, leaving the given one as it is."""
    copied = copy.copy(dataset)
    if hasattr(dataset, "transform") or not isinstance(dataset, Subset):
        copied.transform = transform
    else:
        copied.dataset = with_transform(dataset.dataset, transform)
    return copied


def transform_owner(dataset: Any) -> str:
    """Return the class name of the data set that owns the transform."""
    return type(transformed_dataset(dataset)).__name__


def leaf_transforms(transform: Any) -> Iterator[Any]:
    """Yield the transforms inside of nested ``Compose``s, in order."""
    if isinstance(transform, v2.Compose):
        for part in transform.transforms:
            yield from leaf_transforms(part)
    else:
        yield transform


def _check_order(dataset: Any, parts: Sequence[Any]) -> None:
    """Raise an error for a transform after ToPureTensor, where a mask can no longer be told from an image."""
    pure = next((index for index, part in enumerate(parts) if isinstance(part, v2.ToPureTensor)), len(parts))
    late = [type(part).__name__ for part in parts[pure:] if not isinstance(part, FIXED)]
    if late:
        raise ValueError(
            f"the transform of {type(dataset).__name__} has {', '.join(late)} after ToPureTensor, where a mask is not "
            "known as one: put ToPureTensor last"
        )
