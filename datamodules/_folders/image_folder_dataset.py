"""`ImageFolderDataset`, labelled image files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from PIL import Image

from camaug.images.eight_bits import ValueRange
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
        value_range: Values of black and white in images of more than 8 bits.

    Attributes:
        targets: Label of each image.
    """

    def __init__(
        self,
        samples: Sequence[Sample],
        classes: Sequence[str],
        transform: Callable[[Any], torch.Tensor],
        value_range: ValueRange | None = None,
    ) -> None:
        self.samples = list(samples)
        self.targets = [label for _, label in samples]
        self.classes = list(classes)
        self.transform = transform
        self.value_range = value_range

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        return self.transform(self.load(index)), self.targets[index]

    def load(self, index: int) -> Image.Image:
        """Load an image as an upright RGB image, before the transform."""
        return load_image(self.samples[index][0], self.value_range)
