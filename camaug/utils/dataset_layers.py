"""Data sets inside subsets, and transforms inside transforms."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

from torch import nn
from torch.utils.data import Subset

__all__ = ["dataset_layers", "transform_parts", "transformed_dataset"]


def dataset_layers(dataset: Any) -> Iterator[Any]:
    """Yield a data set, then the data set that it is a subset of, down to the innermost.

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
    """Return the outermost layer that has a ``transform``, or the innermost if none has."""
    *subsets, innermost = dataset_layers(dataset)
    return next((layer for layer in subsets if hasattr(layer, "transform")), innermost)


def transform_parts(transform: Any) -> Iterator[Any]:
    """Yield a transform and every transform inside it, in the order in which they are applied.

    torchvision's containers (``Compose``, ``RandomApply``) and wrappers of data sets hold other transforms as
    ``transforms`` or ``transform``; ``nn.Sequential`` and kornia's containers hold them as modules.
    """
    if transform is None:
        return
    yield transform
    inner = getattr(transform, "transforms", None) or getattr(transform, "transform", None)
    if isinstance(transform, nn.Sequential):
        inner = list(transform)
    if inspect.ismethod(inner):  # torchvision's v2 transforms have a method of that name
        return
    for part in inner if isinstance(inner, list | tuple | nn.ModuleList) else [inner]:
        yield from transform_parts(part)
