"""Choice of the probe images."""

from __future__ import annotations

import itertools
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import IterableDataset, default_collate

from camaug.augmentation.batch import class_indices, find_images_and_labels
from camaug.utils.preserved_random_state import preserved_random_state

from .choose_indices import choose_indices
from .probes import Probes

__all__ = ["choose_probes"]


def choose_probes(loader: Any, count: int, *, exactly: bool = True) -> Probes:
    """Choose images of a loader's data set, deterministically.

    The images are spread over the classes if the data set has ``targets``, else evenly over the data set. A stream
    yields its first images. A data set with a method ``object_mask(index)`` adds masks.

    Args:
        loader: A data loader.
        count: Number of images.
        exactly: Whether a smaller data set is an error. Otherwise all of its images are taken.

    Raises:
        ValueError: If the data set is empty or too small, or ``object_mask`` does not return a boolean mask (H, W).
    """
    dataset = loader.dataset
    # Random transforms draw the same numbers in every run, and the random state of the training run stays untouched.
    with preserved_random_state(seed=0):
        indices, items = _load_items(dataset, count, exactly)
        batch_size = loader.batch_size or len(items)
        # A loader without a batch size leaves batching to its data set, and its collate function to nothing.
        collate = loader.collate_fn if loader.batch_size else default_collate
        batches = [collate(items[start : start + batch_size]) for start in range(0, len(items), batch_size)]
        labels = [label for batch in batches for label in _labels(batch)]
        masks = [_object_mask(dataset, index) for index in indices] if hasattr(dataset, "object_mask") else None
    return Probes(batches, indices, labels, masks)


def _load_items(dataset: Any, count: int, exactly: bool) -> tuple[list[int], list[Any]]:
    if isinstance(dataset, IterableDataset):
        items = list(itertools.islice(iter(dataset), count))
        _check_available(count, len(items), exactly)
        return list(range(len(items))), items
    _check_available(count, len(dataset), exactly)
    indices = choose_indices(dataset, min(count, len(dataset)))
    return indices, [dataset[index] for index in indices]


def _check_available(count: int, available: int, exactly: bool) -> None:
    if available == 0 or (exactly and count > available):
        raise ValueError(
            f"{count} probe images were asked for, the data set has {available}: ask for at most {available} (images=)"
        )


def _labels(batch: Any) -> list[int | None]:
    images, labels = find_images_and_labels(batch)
    if labels is None:
        return [None] * len(images)
    indices: list[int | None] = class_indices(labels).tolist()
    return indices


def _object_mask(dataset: Any, index: int) -> Tensor:
    mask = dataset.object_mask(index)
    if not isinstance(mask, Tensor) or mask.dim() != 2 or mask.dtype != torch.bool:
        given = f"{mask.dtype} {tuple(mask.shape)}" if isinstance(mask, Tensor) else type(mask).__name__
        raise ValueError(
            f"{type(dataset).__name__}.object_mask({index}) must return a boolean tensor (H, W) of the transformed "
            f"image's size, all False if there is no object, got {given}"
        )
    return mask
