"""`TorchvisionDataModule`, the labelled images that torchvision knows by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from torch.utils.data import Dataset
from torchvision import datasets

from camaug.images.preprocessing import IMAGENET_MEAN, IMAGENET_STD

from ._torchvision.torchvision_dataset import TorchvisionDataset, class_names
from ._torchvision.torchvision_splits import NOT_DOWNLOADABLE, Arguments, find_splits
from .classification import ClassificationDataModule
from .labelled_dataset import Split
from .transforms import crop_transforms

__all__ = ["TorchvisionDataModule"]


class TorchvisionDataModule(ClassificationDataModule):
    """A data set of torchvision: its training split, and its validation split or, failing that, its test split.

    The defaults suit small images (CIFAR-10 at 32 pixels, evaluated whole). For photographs use `image_size: 224`,
    `crop_scale: [0.35, 1.0]` and `crop_pct: 0.875`; for digits and letters `hflip: 0`. Grey images become RGB.

    Args:
        dataset: Name of a class in `torchvision.datasets`, such as "CIFAR10", "Flowers102" or "Imagenette".
        root: Folder of the data set, also for its download.
        download: If true, the data set is downloaded where it is missing.
        options: Further arguments of the torchvision class, such as `{size: 160px}` for Imagenette.
        batch_size: Images in a batch, in each process.
        image_size: Side of the square images in pixels.
        num_workers: Processes that load images.
        mean: Mean of each channel of images in [0, 1].
        std: Standard deviation of each channel of images in [0, 1].
        crop_scale: Smallest and largest share of the image's area that a training crop keeps.
        hflip: Probability of mirroring a training image.
        crop_pct: Share of the shorter side that the centre crop of evaluation keeps.

    Raises:
        ValueError: If torchvision has no such data set with a training split, or an argument is impossible.
        FileNotFoundError: From `classes` and `setup`, if the data set is not in `root` and `download` is false.
    """

    def __init__(
        self,
        dataset: str = "CIFAR10",
        root: str = "data",
        download: bool = False,
        options: dict[str, Any] | None = None,
        batch_size: int = 64,
        image_size: int = 32,
        num_workers: int = 2,
        mean: tuple[float, float, float] = IMAGENET_MEAN,
        std: tuple[float, float, float] = IMAGENET_STD,
        crop_scale: tuple[float, float] = (0.6, 1.0),
        hflip: float = 0.5,
        crop_pct: float = 1.0,
    ) -> None:
        super().__init__(crop_transforms(image_size, mean, std, crop_scale, hflip, crop_pct), batch_size, num_workers)
        self.dataset_name = dataset
        self.root = root
        self.download = download
        self.options = dict(options or {})
        self._splits = find_splits(dataset)
        _check_options(dataset, self.options, self._splits)
        self._sources: dict[Split, Dataset[Any]] = {}
        self._classes: list[str] | None = None

    @property
    def classes(self) -> list[str]:
        """Names of the classes, or their numbers if the data set has no names. Opens the training split once."""
        if self._classes is None:
            self._classes = class_names(self._source("train"))
        return self._classes

    def prepare_data(self) -> None:
        """Download the data set, in one process, if it is missing and `download` is true."""
        if self.download:
            for split in ("train", "val", "test"):
                self._source(split)

    def build_dataset(self, split: Split) -> TorchvisionDataset:
        """Build the data set of a split."""
        transform = self.train_transform if split == "train" else self.eval_transform
        return TorchvisionDataset(self._source(split), self.classes, transform)

    def _source(self, split: Split) -> Dataset[Any]:
        if split == "test" and self._splits["test"] == self._splits["val"]:
            split = "val"  # one copy in memory
        if split not in self._sources:
            self._sources[split] = self._open(split)
        return self._sources[split]

    def _open(self, split: Split) -> Dataset[Any]:
        arguments = {**self._splits[split], **self.options}
        build: Callable[..., Dataset[Any]] = partial(getattr(datasets, self.dataset_name), self.root, **arguments)
        description = f"the {split} split of {self.dataset_name} in {self.root!r}"
        try:
            return build()  # without `download`, because some data sets refuse to download what is there already
        except (RuntimeError, OSError) as error:
            if not self.download:
                advice = _advice(self.dataset_name)
                raise FileNotFoundError(f"cannot open {description}: {error}. {advice}") from error
        if self.dataset_name in NOT_DOWNLOADABLE:
            raise FileNotFoundError(f"cannot download {description}. {_advice(self.dataset_name)}")
        try:
            return build(download=True)
        except (RuntimeError, OSError) as error:
            raise FileNotFoundError(
                f"cannot download {description}: {error}. Download it on a machine with network and copy the folder "
                "here"
            ) from error


def _advice(dataset: str) -> str:
    if dataset in NOT_DOWNLOADABLE:
        return f"It has to be fetched by hand: see torchvision.datasets.{dataset} for the files and their folders"
    return "Point `root` at the folder that holds it, or pass `download: true` on a machine with network"


def _check_options(dataset: str, options: Mapping[str, Any], splits: Mapping[Split, Arguments]) -> None:
    reserved = {name for part in splits.values() for name, value in part.items() if value != splits["train"][name]}
    reserved |= {"download", "root", "target_transform", "transform", "transforms"}
    if clash := reserved & set(options):
        raise ValueError(
            f"`options` of {dataset} may not contain {', '.join(sorted(clash))}: this data module sets that itself"
        )
