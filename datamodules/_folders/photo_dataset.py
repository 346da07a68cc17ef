"""`PhotoDataset`, image files without labels, some of which may be unreadable."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import torch
from PIL import Image
from torch.utils.data import Dataset

from camaug.images.eight_bits import ValueRange
from camaug.images.loading import load_image

__all__ = ["PhotoBatch", "PhotoDataset", "PhotoItem"]


class PhotoItem(NamedTuple):
    """One photo: its transformed image, float32 (3, H, W), its file, and why it cannot be read (else empty)."""

    image: torch.Tensor
    path: str
    error: str


class PhotoBatch(NamedTuple):
    """Several photos, as the data loader yields them.

    Attributes:
        images: Transformed photos, float32 (N, 3, H, W). A black image stands for a photo that cannot be read.
        paths: Their files.
        errors: Why a photo cannot be read; empty for the others.
    """

    images: torch.Tensor
    paths: Sequence[str]
    errors: Sequence[str]


class PhotoDataset(Dataset[PhotoItem]):
    """Photos without labels. A photo that cannot be read is an item, too, so that the others are processed.

    Args:
        paths: The files.
        transform: From an upright RGB PIL image to a tensor, of one size for all.
        value_range: Values of black and white in photos of more than 8 bits.
    """

    def __init__(
        self,
        paths: Sequence[str],
        transform: Callable[[Any], torch.Tensor],
        value_range: ValueRange | None = None,
    ) -> None:
        self.paths = list(paths)
        self.transform = transform
        self.value_range = value_range

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> PhotoItem:
        path = self.paths[index]
        try:
            photo = load_image(path, self.value_range)
        except OSError as error:
            return PhotoItem(self._black_image, path, str(error))
        return PhotoItem(self.transform(photo), path, "")

    @staticmethod
    def collate(items: Sequence[PhotoItem]) -> PhotoBatch:
        """Put items into a batch, for a `DataLoader`."""
        images, paths, errors = zip(*items, strict=True)
        return PhotoBatch(torch.stack(images), list(paths), list(errors))

    @cached_property
    def _black_image(self) -> torch.Tensor:
        return self.transform(Image.new("RGB", (512, 512)))
