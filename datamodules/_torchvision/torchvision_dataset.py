"""`TorchvisionDataset`, one interface to torchvision's data sets, which keep labels and names in different ways."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import torch

from ..labelled_dataset import LabelledDataset

__all__ = ["TorchvisionDataset", "class_names", "labels_of"]


class TorchvisionDataset(LabelledDataset):
    """Images and labels of a torchvision data set.

    Args:
        source: Data set of torchvision, without transforms. Its items are PIL images and labels.
        classes: Name of each class, in the order of the labels.
        transform: From a PIL image to a float32 tensor (3, H, W).
    """

    def __init__(self, source: Any, classes: Sequence[str], transform: Callable[[Any], torch.Tensor]) -> None:
        self.source = source
        self.classes = list(classes)
        self.transform = transform

    @cached_property
    def targets(self) -> list[int]:
        """Label of each image."""
        return labels_of(self.source)

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        image, label = self.source[index]
        return self.transform(image), int(label)


def labels_of(source: Any) -> list[int]:
    """Return the label of every item, without reading images if the data set keeps its labels separately."""
    for name in ("targets", "labels", "_labels"):
        if hasattr(source, name):
            return [int(label) for label in getattr(source, name)]
    for name in ("_samples", "samples"):
        if hasattr(source, name):
            return [int(label) for _, label, *_ in getattr(source, name)]
    return [int(label) for _, label in source]


def class_names(source: Any) -> list[str]:
    """Return the name of each class, or its number if the data set has no names.

    ImageNet's classes are tuples of synonyms; the first synonym is the name.
    """
    names = getattr(source, "classes", None)
    if names is None:
        return [str(label) for label in range(max(labels_of(source)) + 1)]
    return [name if isinstance(name, str) else str(name[0]) for name in names]
