"""A batch of explained images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import lightning as L
from torch import Tensor

__all__ = ["ExplainedBatch", "ExplainedObjects"]


class ExplainedObjects(NamedTuple):
    """Maps (M, H, W) of the images that have an object, its boolean masks (M, H, W), and the explained classes (M,)."""

    maps: Tensor
    masks: Tensor
    targets: Tensor


@dataclass(frozen=True)
class ExplainedBatch:
    """Explained images and everything that a metric may need to judge their maps.

    Attributes:
        module: The model.
        forward: Function from images to logits.
        images: (N, C, H, W).
        maps: (N, H, W).
        targets: The explained classes (N,).
        objects: The images that have an object, or None if the data set has no masks.
        previous_maps: Maps of the same images in the previous evaluation, or None in the first.
    """

    module: L.LightningModule
    forward: Callable[[Tensor], Tensor]
    images: Tensor
    maps: Tensor
    targets: Tensor
    objects: ExplainedObjects | None
    previous_maps: Tensor | None
