"""Photos of a batch, without those that cannot be read."""

from __future__ import annotations

from typing import Any, NamedTuple

from torch import Tensor

from camaug.augmentation.batch import find_images, find_images_and_labels, find_strings
from camaug.augmentation.batch_leaves import Selector
from camaug.augmentation.plain_tensor import plain_tensor

__all__ = ["Photos", "read_photos"]


class Photos(NamedTuple):
    """Photos of a batch.

    Attributes:
        images: The photos that could be read, (N, C, H, W), floating-point.
        labels: Their labels as the batch has them, or None.
        paths: Their paths, or None if the batch has none.
        errors: The reason why a photo is left out, by its path, or by its number in the batch.
    """

    images: Tensor
    labels: Tensor | None
    paths: list[str] | None
    errors: dict[str, str]


def read_photos(
    batch: Any, images: Selector | None = None, labels: Selector | None = None, *, with_labels: bool = True
) -> Photos:
    """Read the photos of a batch.

    Photos are left out where the batch has a string under ``errors``, or where pixels are NaN or infinite.

    Args:
        batch: The batch.
        images: Where the images are, None to find them.
        labels: Where the labels are, None to find them.
        with_labels: False to look for no labels.

    Raises:
        ValueError: If the images cannot be found, or two tensors could be the labels.
    """
    found, truth = find_images_and_labels(batch, images, labels) if with_labels else (find_images(batch, images), None)
    pixels = plain_tensor(found) if found.is_floating_point() else plain_tensor(found).float()
    paths = find_strings(batch, "paths", len(pixels))
    names = [str(number) for number in range(len(pixels))] if paths is None else paths
    reasons = find_strings(batch, "errors", len(pixels)) or [""] * len(pixels)
    for position, is_finite in enumerate(pixels.isfinite().flatten(1).all(dim=1).tolist()):
        if not is_finite and not reasons[position]:
            reasons[position] = f"{names[position]!r} has values that are NaN or infinite after its transform"
    kept = [position for position, reason in enumerate(reasons) if not reason]
    return Photos(
        pixels[kept],
        None if truth is None else truth[kept],
        None if paths is None else [paths[position] for position in kept],
        {name: reason for name, reason in zip(names, reasons, strict=True) if reason},
    )
