"""Data loaders of the user's batches and of the maps that were carried with their images."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils.data import BatchSampler, DataLoader, Dataset, IterableDataset

from camaug.saliency_bank.carrying_dataset import Carried

__all__ = ["CarriedBatch", "CarryingLoader", "carrying_loader", "check_loader", "view_loader"]

SAME = (
    "num_workers",
    "pin_memory",
    "timeout",
    "worker_init_fn",
    "multiprocessing_context",
    "generator",
    "prefetch_factor",
    "persistent_workers",
    "pin_memory_device",
    "in_order",
)


class CarriedBatch(NamedTuple):
    """A batch of the user's ``collate_fn`` and the maps of its images.

    Attributes:
        batch: The user's batch.
        maps: (N, H, W) uint8; None where no maps are served.
    """

    batch: Any
    maps: Tensor | None


class CarryingLoader(DataLoader[Any]):
    """A data loader of the user's batches, with the maps of the latest batch in ``maps``.

    Iterating is a generator, so that nothing is loaded and no process is started before the first batch is fetched:
    Lightning makes the iterator long before, when there are no maps yet. There is no ``__init__``, so that Lightning
    can make the loader again with another sampler.
    """

    maps: Tensor | None = None

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]
        """Yield the user's batches."""
        for carried in super().__iter__():
            self.maps = carried.maps
            yield carried.batch


@dataclass(frozen=True)
class _Collate:
    """The user's ``collate_fn``, with the maps stacked beside the batch."""

    own: Callable[[list[Any]], Any]

    def __call__(self, items: list[Any]) -> Any:
        if not items or not isinstance(items[0], Carried):
            return self.own(items)  # single items that another callback collates by this function
        maps = [carried.map for carried in items]
        known = [each for each in maps if each is not None]
        return CarriedBatch(self.own([carried.item for carried in items]), torch.stack(known) if known else None)


def check_loader(loader: Any) -> None:
    """Raise an error unless the loader is a plain data loader of single items.

    Raises:
        ValueError: If the loader is not PyTorch's own, its data are a stream, or its batches are made elsewhere.
    """
    off = "or leave the saliency bank off (refresh_every_n_epochs)"
    if type(loader) is not DataLoader:
        raise ValueError(
            f"the saliency bank needs one torch.utils.data.DataLoader for training, got a {type(loader).__name__}: "
            f"use DataLoader itself, {off}"
        )
    if isinstance(loader.dataset, IterableDataset):
        raise ValueError(
            f"{type(loader.dataset).__name__} is a stream, in which no image can be found again by its index: use a "
            f"data set with a length and items, {off}"
        )
    if loader.batch_sampler is None:
        raise ValueError(
            f"the training DataLoader has batch_size=None, so its data set makes the batches: let the loader, {off}"
        )
    try:
        len(loader)
    except TypeError:
        raise ValueError(
            f"the training DataLoader has no length, as its {type(loader.batch_sampler).__name__} has no __len__: give "
            f"it one, {off}"
        ) from None


def carrying_loader(loader: DataLoader[Any], dataset: Dataset[Any]) -> CarryingLoader:
    """Return a loader like the given one, of another data set.

    Args:
        loader: The user's loader.
        dataset: A :class:`camaug.saliency_bank.carrying_dataset.CarryingDataset` of the loader's data set.
    """
    same = {name: getattr(loader, name) for name in SAME}
    batching: dict[str, Any]
    if type(loader.batch_sampler) is BatchSampler:
        batching = {"batch_size": loader.batch_size, "sampler": loader.sampler, "drop_last": loader.drop_last}
    else:
        batching = {"batch_sampler": loader.batch_sampler}
    return CarryingLoader(dataset, collate_fn=_Collate(loader.collate_fn), **batching, **same)


def view_loader(loader: DataLoader[Any], dataset: Dataset[Any], batches: list[list[int]]) -> DataLoader[Any]:
    """Return a loader of chosen batches, which loads and collates as the given loader does.

    Its processes draw the same random numbers every time.

    Args:
        loader: The user's loader.
        dataset: The data set to load from.
        batches: The indices of each batch.
    """
    same = {name: getattr(loader, name) for name in SAME if name not in ("generator", "persistent_workers")}
    generator = torch.Generator().manual_seed(0)
    return DataLoader(dataset, collate_fn=loader.collate_fn, batch_sampler=batches, generator=generator, **same)
