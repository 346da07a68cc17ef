"""`ImageBatch`, the images that an experiment works on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from torch import Tensor

from camaug.images.denormalise import denormalise

__all__ = ["ImageBatch", "image_count"]


class ImageBatch(NamedTuple):
    """Images with everything that an experiment may need to know about them.

    Attributes:
        images: (N, C, H, W), on the model's device, preprocessed for the model.
        labels: True classes (N,), int64, as the model counts them; None if unknown.
        names: Name of each image, its file for example; None if there are no names.
        display_images: The images for display, (N, 3, H, W) in [0, 1] on the CPU; None to derive them from ``images``.
        class_names: Names of the model's classes; None if unknown.
        source: The batch of the data module, for experiments that need more: boxes, for example.
    """

    images: Tensor
    labels: Tensor | None = None
    names: Sequence[str] | None = None
    display_images: Tensor | None = None
    class_names: Sequence[str] | None = None
    source: Any = None

    def to_display(self) -> Tensor:
        """Return the images for display, (N, 3, H, W) in [0, 1]."""
        return denormalise(self.images, None, None) if self.display_images is None else self.display_images


def image_count(batches: Iterable[ImageBatch]) -> int:
    """Return the number of images in all batches."""
    return sum(len(batch.images) for batch in batches)
