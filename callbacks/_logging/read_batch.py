"""Images and labels of a batch that the Trainer has moved to its device."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
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
        integer_dtype: Dtype of the batch's images if they are integers, which the model itself normalises, else None.
    """

    images: Tensor
    labels: Tensor | None
    integer_dtype: torch.dtype | None


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
    pixels = plain_tensor(found.images)
    if pixels.is_floating_point():
        return ReadBatch(pixels, found.labels, None)
    return ReadBatch(pixels.float(), found.labels, pixels.dtype)
