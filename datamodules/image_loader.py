"""`image_loader`, the data loader of every data module, and the check of its settings."""

from __future__ import annotations

from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset

__all__ = ["check_loading", "image_loader"]


def check_loading(batch_size: int, num_workers: int) -> None:
    """Raise a ValueError if a setting of the data loaders is impossible."""
    if batch_size < 1:
        raise ValueError(f"`batch_size` is the number of images in a batch, at least 1, got {batch_size}")
    if num_workers < 0:
        raise ValueError(f"`num_workers` is the number of loading processes, 0 or more, got {num_workers}")


def image_loader(dataset: Dataset[Any], batch_size: int, num_workers: int, **options: Any) -> DataLoader[Any]:
    """Return a data loader. The options are passed to :class:`torch.utils.data.DataLoader`."""
    return DataLoader(
        dataset,
        batch_size=batch_size,
        num_workers=num_workers,
        # No checkpoint holds the random state of persistent workers: a resumed run would differ.
        persistent_workers=False,
        pin_memory=torch.cuda.is_available(),
        **options,
    )
