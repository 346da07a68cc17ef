"""The probe images: the few that are watched during the whole training."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from lightning.pytorch.utilities import rank_zero_warn
from lightning.pytorch.utilities.seed import isolate_rng
from torch import Tensor
from torch.utils.data import ConcatDataset, IterableDataset, Subset, default_collate

from camaug.augmentation.batch import class_indices, find_images_and_labels

__all__ = ["Probes", "choose_probes", "places", "spread", "targets_of", "warn_of_missing_objects"]


@dataclass(frozen=True)
class Probes:
    """Images that are explained again and again, kept on the CPU.

    Attributes:
        batches: The images as the loader collates them, in batches of at most the loader's size.
        indices: Each image's place in the data set.
        labels: Each image's class; None where it is not known.
        masks: Where the object is, boolean (H, W), for each image; None where the data set does not know.
    """

    batches: Sequence[Any]
    indices: Sequence[int]
    labels: Sequence[int | None]
    masks: Sequence[Tensor] | None


def choose_probes(loader: Any, count: int, *, exactly: bool = True) -> Probes:
    """Choose images of a loader's data set, the same ones whenever the data are the same.

    They are spread over the classes where the data set says its ``targets``, evenly over the data set where it does
    not; of a stream they are the first. A data set with a method ``object_mask(index)`` gives masks.

    Args:
        loader: A data loader.
        count: Number of images.
        exactly: Whether a data set with fewer images is an error; otherwise all of it is taken.

    Returns:
        The probes.

    Raises:
        ValueError: If the data set has fewer images, or none.
    """
    dataset = loader.dataset
    # Random transforms, if any, draw the same on every run and leave the training's random numbers alone.
    with isolate_rng(include_cuda=False):
        random.seed(0)
        np.random.seed(0)
        torch.manual_seed(0)
        if isinstance(dataset, IterableDataset):
            items = list(itertools.islice(iter(dataset), count))
            indices = list(range(len(items)))
            count = _available(count, len(items), exactly)
        else:
            count = _available(count, len(dataset), exactly)
            indices = places(dataset, count)
            items = [dataset[index] for index in indices]
        size = loader.batch_size or count
        # A loader without a batch size leaves the batching to its data set, and collates nothing.
        collate = loader.collate_fn if loader.batch_size else default_collate
        batches = [collate(items[start : start + size]) for start in range(0, count, size)]
        labels = [label for batch in batches for label in _labels(batch)]
        masks = [_object_mask(dataset, index) for index in indices] if hasattr(dataset, "object_mask") else None
    return Probes(batches, indices, labels, masks)


def places(dataset: Any, count: int) -> list[int]:
    """Choose places of a data set: spread over the classes where it says its targets, evenly over it where not.

    Args:
        dataset: A data set with a length.
        count: How many places to choose, at most as many as there are.

    Returns:
        The places; the same ones whenever the data are the same.
    """
    targets = targets_of(dataset)
    return spread(targets, count) if targets is not None else _evenly(range(len(dataset)), count)


def warn_of_missing_objects(callback: Any, probes: Probes) -> None:
    """Say how many of the probes have an empty mask, which figures of where the object is must leave out."""
    empty = [index for index, mask in zip(probes.indices, probes.masks or [], strict=False) if not mask.any()]
    if empty:
        rank_zero_warn(
            f"{type(callback).__name__}: the masks of {len(empty)} of the {len(probes.indices)} images are empty, and "
            f"these are left out of the figures that ask where the object is: {empty[:8]}"
            f"{' and others' if len(empty) > 8 else ''}"
        )


def spread(targets: Sequence[int], count: int) -> list[int]:
    """Choose places so that all classes are represented alike.

    Args:
        targets: The class at each place.
        count: How many places to choose, at most as many as there are.

    Returns:
        The places, class by class.

    Example:
        >>> spread([0, 0, 0, 0, 1, 1, 2], count=4)
        [0, 2, 4, 6]
    """
    members: dict[int, list[int]] = {}
    for place, target in enumerate(targets):
        members.setdefault(int(target), []).append(place)
    classes = sorted(members)
    if count < len(classes):
        return [members[name][0] for name in _evenly(classes, count)]
    quotas = dict.fromkeys(classes, 0)
    for name in itertools.islice(_round_robin(classes, {name: len(members[name]) for name in classes}), count):
        quotas[name] += 1
    return [place for name in classes for place in _evenly(members[name], quotas[name])]


def _round_robin(classes: Sequence[int], sizes: dict[int, int]) -> Any:
    for turn in range(max(sizes.values())):
        yield from (name for name in classes if turn < sizes[name])


def _object_mask(dataset: Any, index: int) -> Tensor:
    mask = dataset.object_mask(index)
    if not isinstance(mask, Tensor) or mask.dim() != 2 or mask.dtype != torch.bool:
        given = f"{mask.dtype} {tuple(mask.shape)}" if isinstance(mask, Tensor) else type(mask).__name__
        raise ValueError(
            f"{type(dataset).__name__}.object_mask({index}) must give a boolean tensor (H, W), of the transformed "
            f"image's size and all False where there is no object, got {given}"
        )
    return mask


def _evenly(values: Sequence[int], count: int) -> list[int]:
    return [values[position * len(values) // count] for position in range(count)]


def _available(count: int, available: int, exactly: bool) -> int:
    if available == 0 or (exactly and count > available):
        raise ValueError(
            f"{count} probe images were asked for, the data set has {available}: ask for at most {available} (images=)"
        )
    return min(count, available)


def targets_of(dataset: Any) -> list[int] | None:
    """The class of each item where the data set knows without loading images."""
    if isinstance(dataset, Subset):
        inner = targets_of(dataset.dataset)
        return None if inner is None else [inner[index] for index in dataset.indices]
    if isinstance(dataset, ConcatDataset):
        parts = [targets_of(part) for part in dataset.datasets]
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
        return int(value) == value
    except (TypeError, ValueError):
        return False


def _labels(batch: Any) -> list[int | None]:
    images, labels = find_images_and_labels(batch)
    if labels is None:
        return [None] * len(images)
    return class_indices(labels).tolist()
