"""Loader of chosen items of a data set."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch.utils.data import DataLoader, IterableDataset, Subset

__all__ = ["check_has_length", "loader_of_chosen"]


def check_has_length(loader: Any) -> None:
    """Raise a ValueError unless a loader's items can be chosen by their index."""
    if not isinstance(loader, DataLoader) or isinstance(loader.dataset, IterableDataset):
        raise ValueError(
            f"an experiment chooses images by their index, and the data module's predict_dataloader returns a "
            f"{type(loader).__name__} of a stream: return a torch DataLoader of a data set with a length"
        )


def loader_of_chosen(loader: DataLoader[Any], indices: Sequence[int]) -> DataLoader[Any]:
    """Return a loader of the items at some indices, with the settings of a given one."""
    return DataLoader(
        Subset(loader.dataset, indices),
        batch_size=loader.batch_size or 1,
        num_workers=loader.num_workers,
        collate_fn=loader.collate_fn,
        pin_memory=loader.pin_memory,
    )
