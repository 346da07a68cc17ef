"""Data sets, batches and loaders of the cases."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, IterableDataset, default_collate, get_worker_info

from tests.toys import Blobs

SIZE = 12
BATCH = 6


class Items(Dataset):
    """Blobs changed by a function of the image and the label."""

    classes = Blobs.classes

    def __init__(self, change: Callable[[Tensor, int], Any] = lambda image, label: (image, label)) -> None:
        self.blobs, self.change = Blobs(SIZE), change

    def __len__(self) -> int:
        return len(self.blobs)

    def __getitem__(self, index: int) -> Any:
        return self.change(*self.blobs[index])


def loader_of(
    change: Callable[[Tensor, int], Any] = lambda image, label: (image, label), **settings: Any
) -> DataLoader[Any]:
    """Return a loader of changed blobs."""
    return DataLoader(Items(change), **({"batch_size": BATCH} | settings))


def of(change: Callable[[Tensor, int], Any], **settings: Any) -> Callable[[], DataLoader[Any]]:
    """Return a function that returns a loader of changed blobs."""
    return lambda: loader_of(change, **settings)


def collated(collate: Callable[[Any], Any], **settings: Any) -> Callable[[], DataLoader[Any]]:
    """Return a function that returns a loader with a function from a collated (images, labels) to the batch."""
    return lambda: loader_of(collate_fn=lambda items: collate(*default_collate(items)), **settings)


class Stream(IterableDataset):
    """A stream of single items."""

    def __iter__(self):
        yield from (Items()[index] for index in range(SIZE))


class WholeBatches(IterableDataset):
    """A stream of whole batches."""

    def __iter__(self):
        yield from loader_of()


class WorkersOnly(Items):
    """A data set whose handle must not be opened in the main process."""

    def __getitem__(self, index: int) -> Any:
        if get_worker_info() is None:
            raise RuntimeError("the file was opened in the main process")
        return super().__getitem__(index)


Pair = namedtuple("Pair", ["photo", "target"])


@dataclass
class Sample:
    """A batch class."""

    image: Tensor
    label: Tensor
    path: str = "a.jpg"


@dataclass(slots=True)
class SlotsSample:
    """A batch class with slots."""

    image: Tensor
    label: Tensor


class OwnBatch:
    """A batch class with a method ``to``."""

    def __init__(self, photo: Tensor, target: Tensor) -> None:
        self.photo, self.target = photo, target

    def to(self, *arguments: Any, **settings: Any) -> OwnBatch:
        return OwnBatch(self.photo.to(*arguments, **settings), self.target.to(*arguments, **settings))


class BareBatch:
    """A batch class without any method."""

    def __init__(self, photo: Tensor, target: Tensor) -> None:
        self.photo, self.target = photo, target


def as_namespace(images: Tensor, labels: Tensor) -> SimpleNamespace:
    """Return a namespace."""
    return SimpleNamespace(image=images, label=labels)


def integers(image: Tensor, label: int) -> tuple[Tensor, int]:
    """Return an image of integers."""
    return (image * 255).to(torch.uint8), label


def deep_integers(image: Tensor, label: int) -> tuple[Tensor, int]:
    """Return an image of integers of 16 bits."""
    return (image * 65535).to(torch.uint16), label
