"""Classes of a data set's items."""

from __future__ import annotations

from typing import Any

from torch import Tensor
from torch.utils.data import ConcatDataset, Subset

__all__ = ["dataset_targets"]


def dataset_targets(dataset: Any) -> list[int] | None:
    """Return the class of each item, or None if the data set does not list its classes without loading images."""
    if isinstance(dataset, Subset):
        inner = dataset_targets(dataset.dataset)
        return None if inner is None else [inner[index] for index in dataset.indices]
    if isinstance(dataset, ConcatDataset):
        parts = [dataset_targets(part) for part in dataset.datasets]
        return None if None in parts else [target for part in parts if part is not None for target in part]
    for name in ("targets", "labels", "_labels"):
        values = getattr(dataset, name, None)
        if isinstance(values, Tensor):
            values = values.tolist()
        if values is not None and len(values) == len(dataset) and all(_is_index(value) for value in values):
            return [int(value) for value in values]
    return None


def _is_index(value: Any) -> bool:
    try:
        return bool(int(value) == value)
    except (TypeError, ValueError):
        return False
