"""`BoxedView`, the boxes that are visible in a transformed image."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any, NamedTuple

import torch
from torchvision import tv_tensors
from torchvision.transforms.v2 import functional as v2_functional

from camaug.metrics import boxes_to_masks

from .annotations import AnnotatedImage

__all__ = ["BoxedView", "Transform", "transform_boxes", "view_of"]

Transform = Callable[[Any], Any]


class BoxedView(NamedTuple):
    """Visible boxes of one transformed image.

    They are plain numbers, so that nothing in a batch of them can be mistaken for its labels.

    Attributes:
        path: The file.
        boxes: Left, top, right and bottom in pixels of the transformed image, right and bottom exclusive.
        categories: Index of each box's category.
    """

    path: str
    boxes: tuple[tuple[int, int, int, int], ...]
    categories: tuple[int, ...]

    @property
    def main_category(self) -> int:
        """Category of the largest box, or of the first of several largest boxes."""
        areas = [(right - left) * (bottom - top) for left, top, right, bottom in self.boxes]
        return self.categories[areas.index(max(areas))]

    def mask(self, categories: Collection[int], size: tuple[int, int]) -> torch.Tensor:
        """Return the union of the boxes of the given categories as a boolean mask (H, W)."""
        boxes = [box for box, category in zip(self.boxes, self.categories, strict=True) if category in categories]
        return boxes_to_masks(torch.tensor(boxes, dtype=torch.int64).view(-1, 4), size).any(dim=0)


def view_of(record: AnnotatedImage, categories: Sequence[str], transform: Transform) -> BoxedView:
    """Return the boxes that are visible after the transform, without loading the image."""
    corners = torch.tensor([(box.left, box.top, box.right, box.bottom) for box in record.boxes]).view(-1, 4)
    boxes, visible = transform_boxes(corners, (record.height, record.width), transform)
    indices = [
        categories.index(box.category)
        for box, is_visible in zip(record.boxes, visible.tolist(), strict=True)
        if is_visible
    ]
    return BoxedView(record.path, tuple(map(tuple, boxes.tolist())), tuple(indices))


def transform_boxes(
    boxes: torch.Tensor, size: tuple[int, int], transform: Transform
) -> tuple[torch.Tensor, torch.Tensor]:
    """Transform boxes together with their image.

    A box is clipped to the view. It is visible if at least one pixel wide and high there, and consists of the pixels
    whose centres are inside it.

    Args:
        boxes: Left, top, right and bottom in pixels, (N, 4).
        size: The image's height and width.
        transform: The torchvision transform of the image.

    Returns:
        The visible boxes, int64 (K, 4), and the visibility of each box, bool (N,).

    Example:
        >>> from torchvision.transforms import v2
        >>> transform_boxes(torch.tensor([[0.0, 0, 4, 4], [10, 2, 20, 8]]), (10, 20), v2.CenterCrop(10))
        (tensor([[ 5,  2, 10,  8]]), tensor([False,  True]))
    """
    transformed = transform(tv_tensors.BoundingBoxes(boxes.float(), format="XYXY", canvas_size=size))
    clamped = v2_functional.clamp_bounding_boxes(transformed)
    _, visible = v2_functional.sanitize_bounding_boxes(clamped, min_size=1)
    return (clamped.as_subclass(torch.Tensor)[visible] + 0.5).floor().long(), visible
