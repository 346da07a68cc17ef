"""Images of squares whose colour is the class, in the forms that packages use."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

CLASSES = ("red", "green", "blue")


class Squares(Dataset):
    """Grey noise with one square, whose colour is the class.

    Args:
        change: A function from image (3, side, side) and class to an item.
        classes: Number of classes.
        side: Width and height of the images in pixels.
        count: Number of images.
    """

    def __init__(
        self,
        change: Callable[[Tensor, int], Any] = lambda image, label: (image, label),
        classes: int = 3,
        side: int = 32,
        count: int = 24,
    ) -> None:
        generator = torch.Generator().manual_seed(0)
        self.classes = list(CLASSES[:classes])
        self.targets = [index * 7 // 4 % classes for index in range(count)]  # evenly spaced images have every class
        self.images = torch.rand(count, 3, side, side, generator=generator) * 0.2
        self.change = change
        width = side // 3
        for image, target in zip(self.images, self.targets, strict=True):
            row, column = torch.randint(side - width, (2,), generator=generator).tolist()
            image[target, row : row + width, column : column + width] += 0.8

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, index: int) -> Any:
        return self.change(self.images[index], self.targets[index])


def squares_loader(change: Callable[[Tensor, int], Any] | None = None, **settings: Any) -> DataLoader:
    """Return a loader of batches of eight images, with the arguments of :class:`Squares`."""
    changed = {} if change is None else {"change": change}
    return DataLoader(Squares(**changed, **settings), batch_size=8)
