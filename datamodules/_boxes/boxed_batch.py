"""`BoxedBatch`, a batch of images with different numbers of boxes, and its items."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import torch

from .boxed_view import BoxedView

__all__ = ["BoxedBatch", "BoxedImage", "ObjectPair", "find_pairs"]


class ObjectPair(NamedTuple):
    """An image and a category of which it shows an object: one case of the pointing game.

    Attributes:
        image: Index of the image in the data set or in the batch.
        category: Index of the category.
    """

    image: int
    category: int


class BoxedImage(NamedTuple):
    """One image and its visible boxes.

    Attributes:
        image: Transformed image, float32 (3, H, W).
        view: The boxes.
    """

    image: torch.Tensor
    view: BoxedView


class BoxedBatch(NamedTuple):
    """Several images and their boxes, complete for an experiment.

    Attributes:
        images: Transformed images, float32 (N, 3, H, W).
        paths: Their files.
        views: Their boxes.
        categories: Names of the categories.
        class_indices: Class indices of each category; None if there is no mapping.
    """

    images: torch.Tensor
    paths: list[str]
    views: list[BoxedView]
    categories: tuple[str, ...]
    class_indices: tuple[tuple[int, ...], ...] | None

    def pairs(self) -> list[ObjectPair]:
        """Return every image with every category that is visible in it, each pair once, in order."""
        return find_pairs(self.views)

    def masks(self, pairs: Sequence[ObjectPair]) -> torch.Tensor:
        """Return the union of each pair's boxes, bool (P, H, W), on the images' device."""
        height, width = self.images.shape[2:]
        masks = [self.views[pair.image].mask({pair.category}, (height, width)) for pair in pairs]
        stacked = torch.stack(masks) if masks else torch.zeros(0, height, width, dtype=torch.bool)
        return stacked.to(self.images.device)


def find_pairs(views: Iterable[BoxedView]) -> list[ObjectPair]:
    """Return every image with every category that is visible in it, each pair once, in order."""
    return [
        ObjectPair(index, category) for index, view in enumerate(views) for category in sorted(set(view.categories))
    ]
