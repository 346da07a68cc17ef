"""`PhotoDataset`, image files without labels, of which some may be broken."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import torch
from PIL import Image
from torch.utils.data import Dataset

from camaug.images.loading import load_image

__all__ = ["PhotoBatch", "PhotoDataset"]


class PhotoBatch(NamedTuple):
    """What the data loader hands out; an item is the same without the first dimension.

    Attributes:
        images: The transformed photos, float32 (N, 3, H, W); a black one stands for a photo that cannot be read.
        paths: Their files.
        errors: Why a photo cannot be read; empty where it can.
    """

    images: torch.Tensor
    paths: Sequence[str]
    errors: Sequence[str]


class PhotoDataset(Dataset[PhotoBatch]):
    """Items `(image, path, error)`. A photo that cannot be read is an item too, so that the others go on.

    Args:
        paths: The files.
        transform: From an upright RGB PIL image to a tensor, of one size for all.
    """

    def __init__(self, paths: Sequence[str], transform: Callable[[Any], torch.Tensor]) -> None:
        self.paths = list(paths)
        self.transform = transform

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> PhotoBatch:
        path = self.paths[index]
        try:
            photo = load_image(path)
        except OSError as error:
            return PhotoBatch(self._blank, path, str(error))  # type: ignore[arg-type]
        return PhotoBatch(self.transform(photo), path, "")  # type: ignore[arg-type]

    @cached_property
    def _blank(self) -> torch.Tensor:
        return self.transform(Image.new("RGB", (512, 512)))
