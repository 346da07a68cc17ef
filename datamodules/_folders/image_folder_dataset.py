"""`ImageFolderDataset`, labelled image files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from camaug.images.loading import load_image

from ..labelled_dataset import LabelledDataset
from .image_files import Sample

__all__ = ["ImageFolderDataset"]


class ImageFolderDataset(LabelledDataset):
    """Image files with their labels.

    Args:
        samples: Path and label of each image.
        classes: Name of each class, in the order of the labels.
        transform: From an upright RGB PIL image to a float32 tensor (3, H, W).

    Attributes:
        targets: Label of each image.
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
