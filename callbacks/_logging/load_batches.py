"""Batches of a data loader, loaded without touching its iterator."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import torch
from torch.utils.data import BatchSampler, DataLoader, Dataset, IterableDataset, SequentialSampler

__all__ = ["first_batch", "has_items", "load_items", "load_masks", "stream_batches"]

SAFE_PACKAGES = {"builtins", "camaug", "torch", "torchvision"}


def has_items(loader: Any) -> bool:
    """Return True if the loader collates single items of a data set with a length."""
    if not isinstance(loader, DataLoader):
        return False
    return not isinstance(loader.dataset, IterableDataset) and loader.batch_sampler is not None


def load_items(loader: DataLoader[Any], indices: Sequence[int]) -> Iterator[tuple[int, Any]]:
    """Yield items of a loader's data set with their indices, an exception in place of an item that cannot be read.

    A loader with worker processes reads them in a process of its own, because handles that a data set opens here
    (HDF5, LMDB, zip) would be useless in processes that are started later.

    Args:
        loader: A data loader of a data set with a length.
        indices: Indices of the items.
    """
    yield from zip(indices, _attempts(loader, loader.dataset, indices), strict=True)


def load_masks(loader: DataLoader[Any], indices: Sequence[int]) -> list[Any] | None:
    """Return ``object_mask(index)`` of the loader's data set for some items, or None if it has no such method.

    An exception takes the place of a mask that cannot be read.
    """
    if not hasattr(loader.dataset, "object_mask"):
        return None
    return list(_attempts(loader, _Masks(loader.dataset), indices))


def stream_batches(loader: Any) -> Iterator[Any]:
    """Yield the first batches of a loader that does not collate single items, and leave its own iterator alone.

    Args:
        loader: A torch data loader of an iterable data set or of whole batches, or any iterable of batches.

    Raises:
        ValueError: If the loader is an iterator, whose batches would be lost for the training run.
    """
    batches: Iterable[Any] = _sequential(loader) if isinstance(loader, DataLoader) else loader
    iterator = iter(batches)
    if iterator is loader:
        raise ValueError(
            f"the loader, a {type(loader).__name__}, is an iterator, and reading images from it would take them away "
            "from the Trainer: use a loader that can be iterated again"
        )
    return iterator


def first_batch(loader: Any) -> Any:
    """Return the first batch of a loader, in the order of its data set.

    Raises:
        ValueError: If the loader is an iterator.
    """
    if not has_items(loader):
        return next(stream_batches(loader))
    size = getattr(loader.batch_sampler, "batch_size", None) or loader.batch_size or 1
    items = [item for _, item in load_items(loader, range(min(size, len(loader.dataset))))]
    return loader.collate_fn([item for item in items if not isinstance(item, Exception)])


class _Masks(Dataset[Any]):
    """The masks of a data set."""

    def __init__(self, dataset: Any) -> None:
        self.dataset = dataset

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["dataset"], name) if "dataset" in self.__dict__ else None

    def __getitem__(self, index: int) -> Any:
        return self.dataset.object_mask(index)


def _attempts(loader: DataLoader[Any], dataset: Any, indices: Sequence[int]) -> Iterator[Any]:
    if loader.num_workers == 0 or _is_safe(loader.dataset):
        yield from (_attempt(lambda index=index: dataset[index]) for index in indices)
        return
    # Not batched, so that each failure is an exception of its own, after which the process continues.
    items = iter(DataLoader(dataset, batch_size=None, sampler=indices, collate_fn=_identity, **_process(loader)))
    yield from (_attempt(lambda: next(items)) for _ in indices)


def _attempt(load: Any) -> Any:
    try:
        return load()
    except Exception as error:
        return error


def _sequential(loader: DataLoader[Any]) -> DataLoader[Any]:
    """Return a loader of the same batches in the order of the data set, with an iterator and a process of its own."""
    settings: dict[str, Any] = {"batch_size": loader.batch_size, "drop_last": False}
    dataset = loader.dataset
    if isinstance(dataset, IterableDataset):
        if loader.num_workers == 0:
            dataset = _Copies(dataset)
    elif isinstance(loader.sampler, BatchSampler):  # the data set takes a list of indices
        order = SequentialSampler(loader.dataset)  # type: ignore[arg-type]
        settings["sampler"] = BatchSampler(order, loader.sampler.batch_size, drop_last=False)
    return DataLoader(dataset, collate_fn=loader.collate_fn, **settings, **_process(loader))


class _Copies(IterableDataset[Any]):
    """A data set each of whose iterators belongs to a shallow copy, so that counters of the original do not move."""

    def __init__(self, dataset: Any) -> None:
        self.dataset = dataset

    def __iter__(self) -> Iterator[Any]:
        iterator: Iterator[Any] = iter(copy.copy(self.dataset))
        if iterator is self.dataset:
            raise ValueError(f"{type(self.dataset).__name__} is an iterator, and can be read only once")
        return iterator


def _process(loader: DataLoader[Any]) -> dict[str, Any]:
    """Return the settings of a loader with one worker process, or with none if the given loader has none."""
    settings: dict[str, Any] = {"generator": torch.Generator().manual_seed(0)}
    if loader.num_workers == 0:
        return settings
    return settings | {
        "num_workers": 1,
        "worker_init_fn": loader.worker_init_fn,
        "multiprocessing_context": loader.multiprocessing_context,
        "timeout": loader.timeout,
    }


def _is_safe(dataset: Any) -> bool:
    """Return True if a data set is known to keep no open handle: one of torchvision, torch or this package."""
    layers = [dataset]
    for _ in itertools.takewhile(lambda _: hasattr(layers[-1], "dataset"), range(8)):
        layers.append(layers[-1].dataset)
    return type(layers[-1]).__module__.split(".")[0] in SAFE_PACKAGES and not hasattr(layers[-1], "datasets")


def _identity(item: Any) -> Any:
    return item
