"""A batch after augmentation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor

__all__ = ["AugmentedBatch"]


@dataclass(frozen=True)
class AugmentedBatch:
    """A batch with new images and labels, and how its images were changed.

    Attributes:
        batch: Same structure as the batch given, with the new images and labels.
        images: The new images: (N, C, H, W), or (N + M, C, H, W) if masked views are appended.
        index: Indices of the images that were changed, (M,).
        changed: The changed images or masked views, (M, C, H, W).
        maps: Saliency maps of the changed images in [0, 1], (M, H, W).
        masks: Masks that the recipe made of the maps, boolean (M, H, W).
        labels: The new labels.
        multilabel: True if an image of the batch has several labels.
    """

    batch: Any
    images: Tensor
    index: Tensor
    changed: Tensor
    maps: Tensor
    masks: Tensor
    labels: Tensor
    multilabel: bool = False
