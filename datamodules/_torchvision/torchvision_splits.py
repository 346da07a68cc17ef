"""The labelled data sets of torchvision that have a training split, and the arguments that select each split."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from camaug.utils.did_you_mean import did_you_mean

from ..labelled_dataset import Split

__all__ = ["NOT_DOWNLOADABLE", "Arguments", "find_splits"]

Arguments = Mapping[str, Any]

NOT_DOWNLOADABLE = frozenset({"FER2013", "ImageNet", "StanfordCars"})


def find_splits(dataset: str) -> dict[Split, Arguments]:
    """Return the arguments that select each split of a data set of torchvision.

    If there is only one of a validation and a test split, it serves as both.

    Args:
        dataset: Name of a class in `torchvision.datasets`.

    Raises:
        ValueError: If torchvision has no labelled images with a training split under that name.

    Example:
        >>> find_splits("Imagenette")
        {'train': {'split': 'train'}, 'val': {'split': 'val'}, 'test': {'split': 'val'}}
    """
    if dataset not in _SPLITS:
        raise ValueError(
            f"{dataset!r} is none of torchvision's labelled data sets with a training and a test split, "
            f"{did_you_mean(dataset, _SPLITS)}expected one of {', '.join(sorted(_SPLITS))}"
        )
    return _SPLITS[dataset]


def _by_train() -> dict[Split, Arguments]:
    return {"train": {"train": True}, "val": {"train": False}, "test": {"train": False}}


def _by_split(train: str, val: str, test: str, **fixed: Any) -> dict[Split, Arguments]:
    return {
        "train": {"split": train, **fixed},
        "val": {"split": val, **fixed},
        "test": {"split": test, **fixed},
    }


# A table, because signatures do not tell which splits there are, whether the labels are classes (Kitti's and CelebA's
# are not), and whether the items are images (Kinetics' are videos). CLEVR's test split has no labels. PCAM is left out:
# it has no class names, and its labels cannot be read without reading every image.
_SPLITS: dict[str, dict[Split, Arguments]] = {
    **{name: _by_train() for name in ("CIFAR10", "CIFAR100", "FashionMNIST", "KMNIST", "MNIST", "QMNIST", "USPS")},
    "EMNIST": {split: {"split": "balanced", **part} for split, part in _by_train().items()},
    **{
        name: _by_split("train", "test", "test")
        for name in ("FER2013", "Food101", "GTSRB", "STL10", "SVHN", "StanfordCars")
    },
    **{name: _by_split("train", "val", "test") for name in ("DTD", "FGVCAircraft", "Flowers102", "RenderedSST2")},
    **{name: _by_split("train", "val", "val") for name in ("CLEVRClassification", "ImageNet", "Imagenette")},
    "Country211": _by_split("train", "valid", "test"),
    "OxfordIIITPet": _by_split("trainval", "test", "test"),
    "Places365": _by_split("train-standard", "val", "val"),
}
