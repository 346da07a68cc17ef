"""`BoxesDataset`, images with the boxes of the objects in them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any, NamedTuple

import torch
from torch.utils.data import Dataset
from torchvision import tv_tensors
from torchvision.transforms.v2 import functional as v2_functional

from camaug.images.loading import load_image
from camaug.metrics import boxes_to_masks

from .box_records import AnnotatedImage

__all__ = ["BoxedBatch", "BoxedImage", "BoxesDataset", "ObjectPair", "View", "place_boxes", "view_of"]

Transform = Callable[[Any], Any]


class View(NamedTuple):
    """What is visible of an image's objects once it is transformed.

    Plain numbers: nothing here can be taken for the labels of a batch.

    Attributes:
        path: The file.
        boxes: Left, top, right and bottom in pixels of the transformed image, right and bottom exclusive.
        categories: Each box's place among the categories.
    """

    path: str
    boxes: tuple[tuple[int, int, int, int], ...]
    categories: tuple[int, ...]

    @property
    def main_category(self) -> int:
        """The category of the largest box; of the first of several as large."""
        areas = [(right - left) * (bottom - top) for left, top, right, bottom in self.boxes]
        return self.categories[areas.index(max(areas))]

    def mask(self, categories: Collection[int], size: tuple[int, int]) -> torch.Tensor:
        """Where the objects of some categories are: the union of their boxes, bool (H, W)."""
        boxes = [box for box, category in zip(self.boxes, self.categories, strict=True) if category in categories]
        return boxes_to_masks(torch.tensor(boxes, dtype=torch.int64).view(-1, 4), size).any(dim=0)


class ObjectPair(NamedTuple):
    """An image and a category that is in it: what the pointing game is played on.

    Attributes:
        index: The image's place in the data set, or in the batch.
        category: The category's place among the categories.
    """

    index: int
    category: int


class BoxedImage(NamedTuple):
    """One image and the objects visible in it.

    Attributes:
        image: The transformed image, float32 (3, H, W).
        view: The boxes.
    """

    image: torch.Tensor
    view: View


class BoxedBatch(NamedTuple):
    """Several images, with different numbers of objects, and all that an experiment on them has to know.

    Attributes:
        images: The transformed images, float32 (N, 3, H, W).
        paths: Their files.
        views: Their boxes.
        categories: The names of the categories.
        class_indices: The classes of a classifier that each category stands for; None where nobody has said.
    """

    images: torch.Tensor
    paths: list[str]
    views: list[View]
    categories: tuple[str, ...]
    class_indices: tuple[tuple[int, ...], ...] | None

    def pairs(self) -> list[ObjectPair]:
        """Every image with every category that is visible in it, each once, in order."""
        return _pairs(self.views)

    def masks(self, pairs: Sequence[ObjectPair]) -> torch.Tensor:
        """Where the objects of each pair are: the union of their boxes, bool (P, H, W), beside the images."""
        height, width = self.images.shape[2:]
        masks = [self.views[pair.index].mask({pair.category}, (height, width)) for pair in pairs]
        stacked = torch.stack(masks) if masks else torch.zeros(0, height, width, dtype=torch.bool)
        return stacked.to(self.images.device)


class BoxesDataset(Dataset[BoxedImage]):
    """Items `(image, view)`, a :class:`BoxedImage`; every image shows an object.

    Args:
        views: The images and what is visible of their objects.
        categories: The names of the categories.
        class_indices: The classes of a classifier that each category stands for; None where nobody has said.
        transform: From an upright RGB PIL image to a float tensor, the one that the views were made by.

    Attributes:
        targets: the category of each image's largest object, for choosing images of all categories.
    """

    def __init__(
        self,
        views: Sequence[View],
        categories: Sequence[str],
        class_indices: Sequence[tuple[int, ...]] | None,
        transform: Transform,
    ) -> None:
        self.views = list(views)
        self.categories = tuple(categories)
        self.class_indices = None if class_indices is None else tuple(class_indices)
        self.transform = transform
        self.targets = [view.main_category for view in self.views]

    def __len__(self) -> int:
        return len(self.views)

    def __getitem__(self, index: int) -> BoxedImage:
        view = self.views[index]
        return BoxedImage(self.transform(load_image(view.path)), view)

    def pairs(self) -> list[ObjectPair]:
        """Every image with every category that is visible in it, each once, in order."""
        return _pairs(self.views)

    def collate(self, items: Sequence[BoxedImage]) -> BoxedBatch:
        """Put items into a batch; for a `DataLoader`."""
        images, views = zip(*items, strict=True)
        paths = [view.path for view in views]
        return BoxedBatch(torch.stack(images), paths, list(views), self.categories, self.class_indices)


def view_of(record: AnnotatedImage, categories: Sequence[str], transform: Transform) -> View:
    """What is visible of an image's objects once it is transformed; no image is loaded for that."""
    corners = torch.tensor([(box.left, box.top, box.right, box.bottom) for box in record.boxes]).view(-1, 4)
    boxes, visible = place_boxes(corners, (record.height, record.width), transform)
    kept = [box for box, is_visible in zip(record.boxes, visible.tolist(), strict=True) if is_visible]
    return View(record.path, tuple(map(tuple, boxes.tolist())), tuple(categories.index(box.category) for box in kept))


def place_boxes(boxes: torch.Tensor, size: tuple[int, int], transform: Transform) -> tuple[torch.Tensor, torch.Tensor]:
    """Take boxes through the transform of their image.

    A box is clipped to the view, and visible if at least one pixel wide and high there; it has the pixels whose
    centres it holds.

    Args:
        boxes: Left, top, right and bottom in pixels, (N, 4).
        size: The image's height and width.
        transform: The same torchvision transform that the image goes through.

    Returns:
        The visible boxes, int64 (K, 4), and which of the boxes are visible, bool (N,).

    Example:
        >>> from torchvision.transforms import v2
        >>> place_boxes(torch.tensor([[0.0, 0, 4, 4], [10, 2, 20, 8]]), (10, 20), v2.CenterCrop(10))
        (tensor([[ 5,  2, 10,  8]]), tensor([False,  True]))
    """
    placed = transform(tv_tensors.BoundingBoxes(boxes.float(), format="XYXY", canvas_size=size))  # type: ignore[call-overload]
    clamped = v2_functional.clamp_bounding_boxes(placed)
    _, visible = v2_functional.sanitize_bounding_boxes(clamped, min_size=1)
    return (clamped.as_subclass(torch.Tensor)[visible] + 0.5).floor().long(), visible


def _pairs(views: Sequence[View]) -> list[ObjectPair]:
    return [
        ObjectPair(index, category) for index, view in enumerate(views) for category in sorted(set(view.categories))
    ]
