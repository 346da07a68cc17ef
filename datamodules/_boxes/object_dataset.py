"""`ObjectDataset`, images labelled by their largest object, with a mask of where it is."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch.utils.data import Dataset

from .boxes_dataset import BoxesDataset

__all__ = ["ObjectDataset"]


class ObjectDataset(Dataset[tuple[torch.Tensor, int]]):
    """Items `(image, label)`: the transformed image, float32 (3, H, W), and the class of its largest visible object.

    Args:
        boxed: The images with their boxes.
        classes: The name of each class, in the order of the labels.
        labels: The class of each of `boxed`'s categories.
        size: Height and width of the transformed images.

    Attributes:
        targets: the label of each image.
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
        """Where the objects of the image's class are, all of them, in the transformed image: bool (H, W)."""
        target = self.targets[index]
        same = [category for category, label in enumerate(self.labels) if label == target]
        return self.boxed.views[index].mask(same, self.size)
