"""`ClassificationDataModule`, the base class of the data modules of labelled images."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import lightning as L
from torch.utils.data import DataLoader, Dataset

from .image_loader import check_loading, image_loader
from .labelled_dataset import LabelledDataset, Split
from .transforms import TransformPair

__all__ = ["ClassificationDataModule"]

_SPLITS_OF_STAGE: dict[str | None, tuple[Split, ...]] = {
    "fit": ("train", "val"),
    "validate": ("val",),
    "test": ("test",),
    "predict": ("val",),
    None: ("train", "val", "test"),
}


class ClassificationDataModule(L.LightningDataModule, ABC):
    """Data loaders of labelled images. A subclass names the classes and builds the data set of each split.

    Batches are `(images, labels)`: float32 (N, 3, H, W), normalised by the public `mean` and `std`, and int64 (N,).
    Prediction runs over the validation images. `seed_everything(workers=True)` makes the loading reproducible.

    Args:
        transforms: Transforms of training and evaluation. Their `image_size`, `mean`, `std` and, where there is one,
            `crop_pct` become attributes of the data module.
        batch_size: Images in a batch, in each process.
        num_workers: Processes that load images; 0 loads them in the training process.

    Raises:
        ValueError: If `batch_size` or `num_workers` is impossible.
    """

    def __init__(self, transforms: TransformPair, batch_size: int, num_workers: int) -> None:
        super().__init__()
        check_loading(batch_size, num_workers)
        self.train_transform = transforms.train
        self.eval_transform = transforms.evaluation
        self.image_size = transforms.image_size
        self.mean = transforms.mean
        self.std = transforms.std
        if transforms.crop_pct is not None:
            self.crop_pct = transforms.crop_pct
        self.batch_size = batch_size
        self.num_workers = num_workers
        self._datasets: dict[Split, LabelledDataset] = {}

    @property
    @abstractmethod
    def classes(self) -> list[str]:
        """Name of each class, in the order of the labels, known before `setup`."""

    @property
    def num_classes(self) -> int:
        """Number of classes, known before `setup`, so that the command line can build the model from it."""
        return len(self.classes)

    @abstractmethod
    def build_dataset(self, split: Split) -> LabelledDataset:
        """Build the data set of a split. `setup` calls this once for each split."""

    def setup(self, stage: str | None = None) -> None:
        """Build the data sets that the stage needs and that are not built yet."""
        for split in _SPLITS_OF_STAGE[stage]:
            if split not in self._datasets:
                self._datasets[split] = self.build_dataset(split)

    def dataset(self, split: Split) -> LabelledDataset:
        """Return the data set of a split.

        Raises:
            RuntimeError: If `setup` has not built it.
        """
        if split not in self._datasets:
            raise RuntimeError(f"{type(self).__name__} has not set up its {split!r} split: call `setup()` first")
        return self._datasets[split]

    def train_dataloader(self) -> DataLoader[Any]:
        """Return shuffled training batches. A last batch that is not full is dropped, unless it is the only one.

        Batch norm cannot train on a batch of one image, and a small last batch weighs its images more than the rest.
        """
        dataset = self.dataset("train")
        processes = self.trainer.world_size if self.trainer is not None else 1
        images_per_process = len(dataset) // processes
        return self._loader(dataset, shuffle=True, drop_last=images_per_process >= self.batch_size)

    def val_dataloader(self) -> DataLoader[Any]:
        """Return every validation image, in order."""
        return self._loader(self.dataset("val"))

    def test_dataloader(self) -> DataLoader[Any]:
        """Return every test image, in order."""
        return self._loader(self.dataset("test"))

    def predict_dataloader(self) -> DataLoader[Any]:
        """Return every validation image, in order."""
        return self._loader(self.dataset("val"))

    def _loader(self, dataset: Dataset[Any], **options: Any) -> DataLoader[Any]:
        return image_loader(dataset, self.batch_size, self.num_workers, **options)
