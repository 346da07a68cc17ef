"""`LabelledDataset`, the base class of the data sets of labelled images, and the names of their splits."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Literal

import torch
from torch.utils.data import Dataset

__all__ = ["LabelledDataset", "Split"]

Split = Literal["train", "val", "test"]


class LabelledDataset(Dataset[tuple[torch.Tensor, int]], ABC):
    """Items `(image, label)`: a transformed image, float32 (3, H, W), and the index of its class.

    Attributes:
        classes: Name of each class, in the order of the labels.
    """

    classes: list[str]

    @abstractmethod
    def __len__(self) -> int:
        """Return the number of images."""

    @abstractmethod
    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        """Load, transform and return an image and its label."""
