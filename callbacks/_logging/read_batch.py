"""Images and labels of a batch that the Trainer has moved to its device."""

from __future__ import annotations

from typing import Any, NamedTuple

from torch import Tensor

from camaug.augmentation.batch import find_images_and_labels
from camaug.augmentation.batch_leaves import Selector
from camaug.augmentation.plain_tensor import plain_tensor

__all__ = ["ReadBatch", "read_batch"]


class ReadBatch(NamedTuple):
    """Images and labels of a batch.

    Attributes:
        images: (N, C, H, W), floating-point.
        labels: Labels in any form that ``label_targets`` reads, or None.
        are_integers: True if the batch holds the images as integers, which the model itself normalises.
    """

    images: Tensor
    labels: Tensor | None
    are_integers: bool


def read_batch(batch: Any, images: Selector | None = None, labels: Selector | None = None) -> ReadBatch:
    """Find images and labels in a batch.

    The batch is read by :func:`camaug.augmentation.batch.find_images_and_labels`.

    Args:
        batch: The batch.
        images: Where the images are: a key, an index, a path such as ``"0.image"``, or a function of the batch.
        labels: Where the labels are, in the same forms.

    Raises:
        ValueError: If the images cannot be found, or two tensors could be the labels.

    Example:
        >>> import torch
        >>> found = read_batch(([torch.zeros(3, 8, 8), torch.zeros(3, 8, 8)], [1, 0]))
        >>> found.images.shape, found.labels
        (torch.Size([2, 3, 8, 8]), tensor([1, 0]))
    """
    found = find_images_and_labels(batch, images, labels)
    are_integers = not found.images.is_floating_point()
    pixels = plain_tensor(found.images)
    return ReadBatch(pixels.float() if are_integers else pixels, found.labels, are_integers)
