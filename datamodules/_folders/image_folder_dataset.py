"""`ImageFolderDataset`, labelled image files as a data set."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch.utils.data import Dataset

from camaug.images.loading import load_image

from .image_files import Sample

__all__ = ["ImageFolderDataset"]


class ImageFolderDataset(Dataset[tuple[torch.Tensor, int]]):
    """Items `(image, label)`: the transformed image, float32 (3, H, W), and its class.

    Args:
        samples: path and label of each image.
        classes: the name of each class, in the order of the labels.
        transform: from an upright RGB PIL image to a tensor.
    """

    def __init__(
        self, samples: Sequence[Sample], classes: Sequence[str], transform: Callable[[Any], torch.Tensor]
    ) -> None:
        self.samples = list(samples)
        self.targets = [label for _, label in samples]
        self.classes = list(classes)
        self.transform = transform

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        path, label = self.samples[index]
        return self.transform(load_image(path)), label
