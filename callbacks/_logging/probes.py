"""The probe images: a few images that are explained throughout a training run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any

from torch import Tensor

from camaug.augmentation.batch import find_images_and_labels

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

    @property
    def slices(self) -> list[slice]:
        """Positions of each batch's images among all probe images."""
        lengths = [len(find_images_and_labels(batch).images) for batch in self.batches]
        return [slice(start, stop) for start, stop in pairwise(accumulate(lengths, initial=0))]
