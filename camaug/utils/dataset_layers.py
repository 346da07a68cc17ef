"""Data sets inside of subsets, and transforms inside of transforms."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

from torch.utils.data import Subset

__all__ = ["dataset_layers", "transform_parts", "transformed_dataset"]


def dataset_layers(dataset: Any) -> Iterator[Any]:
    """Yield a data set, then what it is a subset of, down to the innermost.

    Example:
        >>> inner = [1, 2, 3]
        >>> [type(layer).__name__ for layer in dataset_layers(Subset(Subset(inner, [0, 1]), [0]))]
        ['Subset', 'Subset', 'list']
    """
    yield dataset
    while isinstance(dataset, Subset):
        dataset = dataset.dataset
        yield dataset


def transformed_dataset(dataset: Any) -> Any:
    """Return the outermost layer that has a ``transform``, or the innermost where none has."""
    *subsets, innermost = dataset_layers(dataset)
    return next((layer for layer in subsets if hasattr(layer, "transform")), innermost)


def transform_parts(transform: Any) -> Iterator[Any]:
    """Yield a transform and every transform inside it, in the order in which they are applied.

    Containers of torchvision (``Compose``, ``RandomApply``) and data sets' wrappers hold others as ``transforms`` or
    ``transform``.
    """
    if transform is None:
        return
    yield transform
    inner = getattr(transform, "transforms", None) or getattr(transform, "transform", None)
    if inspect.ismethod(inner):  # the work of torchvision's v2 transforms is a method of that name
        return
    for part in inner if isinstance(inner, list | tuple) else [inner]:
        yield from transform_parts(part)
