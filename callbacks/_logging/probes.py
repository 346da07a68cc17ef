"""The probe images: a few images that are explained throughout a training run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

__all__ = ["Probes"]


@dataclass(frozen=True)
class Probes:
    """Probe images, kept on the CPU.

    Attributes:
        batches: The images as the loader collates them, in batches of at most the loader's size.
        indices: Index of each image in the data set.
        labels: Class of each image, None where it is unknown.
        masks: Boolean mask (H, W) of the objects in each image, or None if the data set has no masks.
    """

    batches: Sequence[Any]
    indices: Sequence[int]
    labels: Sequence[int | None]
    masks: Sequence[Tensor] | None
