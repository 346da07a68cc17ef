"""`ShortcutDataModule`, an image folder whose training images are marked with their class."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any, get_args

from torch.utils.data import DataLoader

from ._folders.image_files import Sample
from ._folders.image_folder_dataset import ImageFolderDataset
from ._shortcut.marked_dataset import MarkedDataset, MaskedMarkDataset
from ._shortcut.marker import Marker, MarkKind, Position
from .image_folder import ImageFolderDataModule
from .labelled_dataset import LabelledDataset, Split

__all__ = ["ShortcutDataModule"]


class ShortcutDataModule(ImageFolderDataModule):
    """Image folder with a shortcut: most training images have a mark that reveals their class.

    It measures whether a model learns the objects or the marks. A mark belongs to the photo: the training transform
    crops and mirrors it. Whether an image is marked and where depends on its path and the seed, so that it does not
    change between epochs or runs.

    Validation and testing have three loaders of the same images, named by `loader_names`: without marks, with the mark
    of their class, and with the mark of another class. A LightningModule needs the argument `dataloader_idx=0` in its
    `validation_step` and `test_step`; :class:`~camaug.training.image_classifier.ImageClassifier` logs the accuracy of
    each loader and of the worst group. The data sets with marks return the mask of the mark from `object_mask(index)`,
    so that the callbacks measure the energy on the mark: `CamEvaluator("energy_in_mask", loader="wrong_mark")`.

    Args:
        root: The folder, as :class:`ImageFolderDataModule` takes it.
        mark: Kind of the marks: a coloured "patch", a coloured "frame", or the class's name as "text".
        rho: Probability that a training image has the mark of its class.
        position: Position of patches and texts in the part of the image that evaluation sees; "random" draws it for
            each image.
        size: Side of a patch as a share of the side of that part, in (0, 1]. A text is half as high, and a frame a
            quarter as thick.
        seed: Seed of the marks.
        **settings: Further arguments of :class:`ImageFolderDataModule`.

    Raises:
        FileNotFoundError: If `root` does not exist.
        ValueError: If an argument is impossible, and as :class:`ImageFolderDataModule`.
    """

    loader_names = ("unmarked", "right_mark", "wrong_mark")

    def __init__(
        self,
        root: str,
        mark: MarkKind = "patch",
        rho: float = 0.95,
        position: Position = "bottom-right",
        size: float = 0.2,
        seed: int = 0,
        **settings: Any,
    ) -> None:
        super().__init__(root, **settings)
        _check_choice("mark", mark, get_args(MarkKind))
        _check_choice("position", position, get_args(Position))
        if not 0 <= rho <= 1:
            raise ValueError(f"`rho` is a probability, between 0 and 1, got {rho}")
        if not 0 < size <= 1:
            raise ValueError(f"`size` is a share of the image's side, above 0 and at most 1, got {size}")
        self.marker = Marker(mark, self.classes, position, size, self.crop_pct)
        self.rho = rho
        self.seed = seed
        self._evaluated: dict[tuple[Split, str], LabelledDataset] = {}

    def build_dataset(self, split: Split) -> ImageFolderDataset:
        """Build the data set of a split: the marked images for training, else those without marks."""
        dataset = super().build_dataset(split)
        if split != "train":
            return dataset
        return self._marked(MarkedDataset, dataset, lambda label, rng: label if rng.random() < self.rho else None)

    def marked_dataset(self, split: Split, name: str) -> LabelledDataset:
        """Return the images of a split with the marks of one of `loader_names`. Needs `setup`."""
        if (split, name) not in self._evaluated:
            self._evaluated[split, name] = self._evaluation_dataset(split, name)
        return self._evaluated[split, name]

    def val_dataloader(self) -> Mapping[str, DataLoader[Any]]:  # type: ignore[override]
        """Return the validation images without marks, with the right ones and with wrong ones, in order."""
        return self._loaders("val")

    def test_dataloader(self) -> Mapping[str, DataLoader[Any]]:  # type: ignore[override]
        """Return the test images without marks, with the right ones and with wrong ones, in order."""
        return self._loaders("test")

    def _loaders(self, split: Split) -> dict[str, DataLoader[Any]]:
        return {name: self._loader(self.marked_dataset(split, name)) for name in self.loader_names}

    def _evaluation_dataset(self, split: Split, name: str) -> LabelledDataset:
        dataset = self.dataset(split)
        if not isinstance(dataset, ImageFolderDataset) or name == "unmarked":
            return dataset
        choose = _right_mark if name == "right_mark" else self._wrong_mark
        return self._marked(MaskedMarkDataset, dataset, choose)

    def _wrong_mark(self, label: int, rng: Random) -> int:
        return (label + rng.randrange(1, self.num_classes)) % self.num_classes

    def _marked(
        self, kind: type[MarkedDataset], dataset: ImageFolderDataset, choose: Callable[[int, Random], int | None]
    ) -> MarkedDataset:
        keys = [self._key(sample) for sample in dataset.samples]
        marks = [choose(label, Random(f"mark/{key}")) for label, key in zip(dataset.targets, keys, strict=True)]
        return kind(dataset.samples, self.classes, dataset.transform, self.value_range, self.marker, marks, keys)

    def _key(self, sample: Sample) -> str:
        """Return the source of an image's random numbers, the same wherever the folder is."""
        return f"{self.seed}/{os.path.relpath(sample[0], self.root).replace(os.sep, '/')}"


def _right_mark(label: int, rng: Random) -> int:
    return label


def _check_choice(argument: str, value: str, choices: Sequence[str]) -> None:
    if value not in choices:
        raise ValueError(f"`{argument}` is one of {', '.join(map(repr, choices))}, got {value!r}")
