"""`BoxesDataset`, images with the boxes of their objects."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch.utils.data import Dataset

from camaug.images.eight_bits import ValueRange
from camaug.images.loading import load_image

from .boxed_batch import BoxedBatch, BoxedImage, ObjectPair, find_pairs
from .boxed_view import BoxedView, Transform

__all__ = ["BoxesDataset"]


class BoxesDataset(Dataset[BoxedImage]):
    """Items `(image, view)`, a :class:`BoxedImage`. Every image shows an object.

    Args:
        views: The images' files and visible boxes.
        categories: Names of the categories.
        class_indices: Class indices of each category; None if there is no mapping.
        transform: From an upright RGB PIL image to a float tensor, the transform by which the views were made.
        value_range: Values of black and white in images of more than 8 bits.

    Attributes:
        targets: Category of each image's largest object, which lets callbacks choose images of all categories.
    """

    def __init__(
        self,
        views: Sequence[BoxedView],
        categories: Sequence[str],
        class_indices: Sequence[tuple[int, ...]] | None,
        transform: Transform,
        value_range: ValueRange | None = None,
    ) -> None:
        self.views = list(views)
        self.categories = tuple(categories)
        self.class_indices = None if class_indices is None else tuple(class_indices)
        self.transform = transform
        self.value_range = value_range
        self.targets = [view.main_category for view in self.views]

    def __len__(self) -> int:
        return len(self.views)

    def __getitem__(self, index: int) -> BoxedImage:
        view = self.views[index]
        return BoxedImage(self.transform(load_image(view.path, self.value_range)), view)

    def pairs(self) -> list[ObjectPair]:
        """Return every image with every category that is visible in it, each pair once, in order."""
        return find_pairs(self.views)

    def collate(self, items: Sequence[BoxedImage]) -> BoxedBatch:
        """Put items into a batch, for a `DataLoader`."""
        images, views = zip(*items, strict=True)
        paths = [view.path for view in views]
        return BoxedBatch(torch.stack(images), paths, list(views), self.categories, self.class_indices)
