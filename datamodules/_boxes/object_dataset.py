"""`ObjectDataset`, images labelled by their largest object, with masks of the objects."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from ..labelled_dataset import LabelledDataset
from .boxes_dataset import BoxesDataset

__all__ = ["ObjectDataset"]


class ObjectDataset(LabelledDataset):
    """Images labelled by the class of their largest visible object.

    Args:
        boxed: The images with their boxes.
        classes: Name of each class, in the order of the labels.
        labels: Class of each of `boxed`'s categories.
        size: Height and width of the transformed images.

    Attributes:
        targets: Label of each image.
    """

    def __init__(
        self, boxed: BoxesDataset, classes: Sequence[str], labels: Sequence[int], size: tuple[int, int]
    ) -> None:
        self.boxed = boxed
        self.classes = list(classes)
        self.labels = list(labels)
        self.size = size
        self.targets = [self.labels[category] for category in boxed.targets]

    def __len__(self) -> int:
        return len(self.boxed)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        return self.boxed[index].image, self.targets[index]

    def object_mask(self, index: int) -> torch.Tensor:
        """Return the mask of all objects of the image's class in the transformed image, bool (H, W)."""
        target = self.targets[index]
        same_class = [category for category, label in enumerate(self.labels) if label == target]
        return self.boxed.views[index].mask(same_class, self.size)
