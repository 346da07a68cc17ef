"""`MarkedDataset` and `MaskedMarkDataset`, labelled image files with marks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from PIL import Image
from torchvision import tv_tensors

from camaug.images.eight_bits import ValueRange

from .._folders.image_files import Sample
from .._folders.image_folder_dataset import ImageFolderDataset
from .._folders.upright_size import upright_size
from .marker import Marker

__all__ = ["MarkedDataset", "MaskedMarkDataset"]


class MarkedDataset(ImageFolderDataset):
    """Labelled image files, of which some have the mark of a class.

    Args:
        samples: Path and label of each image.
        classes: Name of each class, in the order of the labels.
        transform: From an upright RGB PIL image to a float32 tensor (3, H, W), after the mark is painted.
        value_range: Values of black and white in images of more than 8 bits.
        marker: Painter of the marks.
        marks: Class of each image's mark, None for an image without one.
        keys: Source of each image's random position.

    Attributes:
        marks: Class of each image's mark, None for an image without one.
    """

    def __init__(
        self,
        samples: Sequence[Sample],
        classes: Sequence[str],
        transform: Callable[[Any], torch.Tensor],
        value_range: ValueRange | None,
        marker: Marker,
        marks: Sequence[int | None],
        keys: Sequence[str],
    ) -> None:
        super().__init__(samples, classes, transform, value_range)
        self.marker = marker
        self.marks = list(marks)
        self.keys = list(keys)

    def load(self, index: int) -> Image.Image:
        """Load an image and paint its mark."""
        image = super().load(index)
        mark = self.marks[index]
        return image if mark is None else self.marker.paint(image, mark, self.keys[index])


class MaskedMarkDataset(MarkedDataset):
    """Labelled image files with marks whose masks are known, because the transform is not random.

    Callbacks take the mask of the mark as that of the object.
    """

    def object_mask(self, index: int) -> torch.Tensor:
        """Return the mask of the mark in the transformed image, bool (H, W). It is empty without a mark."""
        size = upright_size(self.samples[index][0])
        mark = self.marks[index]
        mask = torch.zeros(size[1], size[0]) if mark is None else self.marker.mask(size, mark, self.keys[index])
        return self.transform(tv_tensors.Mask(mask.to(torch.uint8))).as_subclass(torch.Tensor).bool()
