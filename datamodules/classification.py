"""`ClassificationDataModule`, what all data modules of labelled images have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Literal

import lightning as L
import torch
from torch.utils.data import DataLoader, Dataset

from .transforms import Channels

__all__ = ["ClassificationDataModule", "Split"]

Split = Literal["train", "val", "test"]

_SPLITS_OF_STAGE: dict[str | None, tuple[Split, ...]] = {
    "fit": ("train", "val"),
    "validate": ("val",),
    "test": ("test",),
    "predict": ("val",),
    None: ("train", "val", "test"),
}


class ClassificationDataModule(L.LightningDataModule, ABC):
    """Builds the data loaders; a subclass says what the classes are and builds the data set of a split.

    Batches are `(images, labels)`: float32 (N, 3, H, W), normalised by the public `mean` and `std`, and int64 (N,).
    Prediction runs over the validation images. `seed_everything(workers=True)` makes the loading reproducible.

    Args:
        train_transform: from a PIL image to a tensor, for training.
        eval_transform: from a PIL image to a tensor, for everything else.
        image_size: side of the square images in pixels.
        mean: mean of each channel of images in [0, 1], as the transforms subtract it.
        std: standard deviation of each channel of images in [0, 1], as the transforms divide by it.
        batch_size: images in a batch, in each process.
        num_workers: processes that load images; 0 loads them in the training process.

    Raises:
        ValueError: if `batch_size` or `num_workers` is impossible.
    """

    def __init__(
        self,
        *,
        train_transform: Callable[[Any], torch.Tensor],
        eval_transform: Callable[[Any], torch.Tensor],
        image_size: int,
        mean: Channels,
        std: Channels,
        batch_size: int,
        num_workers: int,
    ) -> None:
        super().__init__()
        if batch_size < 1:
            raise ValueError(f"`batch_size` is the number of images in a batch, at least 1, got {batch_size}")
        if num_workers < 0:
            raise ValueError(f"`num_workers` is the number of loading processes, 0 or more, got {num_workers}")
        self.train_transform = train_transform
        self.eval_transform = eval_transform
        self.image_size = image_size
        self.mean = mean
        self.std = std
        self.batch_size = batch_size
        self.num_workers = num_workers
        self._datasets: dict[Split, Dataset[tuple[torch.Tensor, int]]] = {}

    @property
    @abstractmethod
    def classes(self) -> list[str]:
        """The name of each class, in the order of the labels; known before `setup`."""

    @property
    def num_classes(self) -> int:
        """How many classes there are; known before `setup`, so that the command line can size the model by it."""
        return len(self.classes)

    @abstractmethod
    def build_dataset(self, split: Split) -> Dataset[tuple[torch.Tensor, int]]:
        """The data set of a split, its items `(image, label)` transformed; called once a split, by `setup`."""

    def setup(self, stage: str | None = None) -> None:
        """Build the data sets that the stage needs, those already built excepted."""
        for split in _SPLITS_OF_STAGE[stage]:
            if split not in self._datasets:
                self._datasets[split] = self.build_dataset(split)

    def dataset(self, split: Split) -> Dataset[tuple[torch.Tensor, int]]:
        """The data set of a split.

        Raises:
            RuntimeError: if `setup` has not built it.
        """
        if split not in self._datasets:
            raise RuntimeError(f"{type(self).__name__} has not set up its {split!r} split: call `setup()` first")
        return self._datasets[split]

    def train_dataloader(self) -> DataLoader[Any]:
        """Shuffled training batches; a last batch that is not full is dropped, unless it is the only one.

        Batch norm cannot train on a batch of one image, and a small last batch weighs its images more than the rest.
        """
        dataset = self.dataset("train")
        processes = self.trainer.world_size if self.trainer is not None else 1
        images_per_process = len(dataset) // processes
        return self._loader(dataset, shuffle=True, drop_last=images_per_process >= self.batch_size)

    def val_dataloader(self) -> DataLoader[Any]:
        """Every validation image, in order."""
        return self._loader(self.dataset("val"))

    def test_dataloader(self) -> DataLoader[Any]:
        """Every test image, in order."""
        return self._loader(self.dataset("test"))

    def predict_dataloader(self) -> DataLoader[Any]:
        """Every validation image, in order."""
        return self._loader(self.dataset("val"))

    def _loader(
        self,
        dataset: Dataset[Any],
        shuffle: bool = False,
        drop_last: bool = False,
        collate_fn: Callable[[list[Any]], Any] | None = None,
    ) -> DataLoader[Any]:
        return DataLoader(
            dataset,
            batch_size=self.batch_size,
            shuffle=shuffle,
            drop_last=drop_last,
            num_workers=self.num_workers,
            collate_fn=collate_fn,
            # Workers that live on have random numbers that no checkpoint has: a resumed run would be another one.
            persistent_workers=False,
            pin_memory=torch.cuda.is_available(),
        )
