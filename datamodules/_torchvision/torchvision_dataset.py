"""`TorchvisionDataset`, one face for torchvision's data sets, each of which keeps labels and names in its own way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import torch
from torch.utils.data import Dataset

__all__ = ["TorchvisionDataset", "class_names", "labels_of"]


class TorchvisionDataset(Dataset[tuple[torch.Tensor, int]]):
    """Items `(image, label)`: the transformed image, float32 (3, H, W), and its class.

    Args:
        source: a data set of torchvision, without transforms, its items PIL images and labels.
        classes: the name of each class, in the order of the labels.
        transform: from a PIL image to a tensor.
    """

    def __init__(self, source: Dataset[Any], classes: Sequence[str], transform: Callable[[Any], torch.Tensor]) -> None:
        self.source = source
        self.classes = list(classes)
        self.transform = transform

    @cached_property
    def targets(self) -> list[int]:
        """The label of each image."""
        return labels_of(self.source)

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        image, label = self.source[index]
        return self.transform(image), int(label)


def labels_of(source: Any) -> list[int]:
    """The label of every item, without reading images where the data set keeps its labels apart from them."""
    for name in ("targets", "labels", "_labels"):
        if hasattr(source, name):
            return [int(label) for label in getattr(source, name)]
    for name in ("_samples", "samples"):
        if hasattr(source, name):
            return [int(label) for _, label, *_ in getattr(source, name)]
    return [int(label) for _, label in source]


def class_names(source: Any) -> list[str]:
    """The name of each class; its number where the data set gives no names.

    ImageNet's classes are tuples of synonyms, of which the first is taken.
    """
    names = getattr(source, "classes", None)
    if names is None:
        return [str(label) for label in range(max(labels_of(source)) + 1)]
    return [name if isinstance(name, str) else str(name[0]) for name in names]
