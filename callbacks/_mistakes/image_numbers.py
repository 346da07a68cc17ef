"""Numbers of validation images in the data of all processes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch.utils.data import BatchSampler, DataLoader, DistributedSampler, IterableDataset, SequentialSampler

__all__ = ["ImageNumbers"]


@dataclass(frozen=True)
class ImageNumbers:
    """Rule from the order in which a process reads images to their numbers.

    Attributes:
        first: Number of the process's first image.
        stride: Difference between the numbers of two images in a row.
        length: Number of images of the data set if numbers are its indices, else None. A distributed sampler repeats
            images from number ``length`` on.
        batch_size: Number of images of a full batch, None if it is unknown.

    Example:
        >>> numbers = ImageNumbers(first=1, stride=2, length=5)
        >>> [numbers.index(number) for number in (1, 3, 5)]
        [1, 3, 0]
    """

    first: int = 0
    stride: int = 1
    length: int | None = None
    batch_size: int | None = None

    @property
    def are_indices(self) -> bool:
        """True if the numbers are indices of the data set, so that they name the same images in every epoch."""
        return self.length is not None

    def index(self, number: int) -> int | None:
        """Return the index in the data set of an image with this number, or None if it is unknown."""
        return number % self.length if self.length else None

    @classmethod
    def of_loader(cls, loader: Any, rank: int, processes: int) -> ImageNumbers:
        """Return the rule of a validation loader.

        The order is known of torch's loaders that read a data set from the first to the last item, alone or distributed
        over the processes.

        Args:
            loader: The process's data loader.
            rank: Number of the process.
            processes: Number of processes.
        """
        unknown = cls(rank, processes)
        if not isinstance(loader, DataLoader) or isinstance(loader.dataset, IterableDataset):
            return unknown
        if not isinstance(loader.batch_sampler, BatchSampler):
            return unknown
        sampler: Any = loader.batch_sampler.sampler
        dataset: Any = loader.dataset
        length, size = len(dataset), loader.batch_sampler.batch_size
        if type(sampler) is SequentialSampler:
            # Where each process reads everything, the numbers of all processes are the same.
            return cls(0, 1, length, size)
        if type(sampler) is DistributedSampler and not sampler.shuffle and sampler.dataset is dataset:
            return cls(sampler.rank, sampler.num_replicas, length, size)
        return unknown
