"""The probe images: a few images that are explained throughout a training run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise

import torch
from torch import Tensor

from camaug.augmentation.explain_labels import has_several_labels
from camaug.augmentation.label_targets import IGNORED, label_targets

__all__ = ["Probes"]


@dataclass(frozen=True)
class Probes:
    """Probe images, kept on the CPU as the model receives them in validation.

    Attributes:
        batches: The images (N, C, H, W), in batches of at most the loader's size.
        indices: Index of each image in the data set, or in the stream.
        raw_labels: Labels of each batch as the data set gives them, or None where it has none.
        masks: Boolean mask (H, W) of the objects in each image, or None if the data set has no masks.
        integer_dtype: Dtype that the model receives if it is one of integers. The batches are floating-point copies.
        positives: Classes of each image, none where it is unlabelled, known after :meth:`with_classes`.
        has_several: True if the classes do not exclude each other.
    """

    batches: Sequence[Tensor]
    indices: Sequence[int]
    raw_labels: Sequence[Tensor | None] = ()
    masks: Sequence[Tensor] | None = None
    integer_dtype: torch.dtype | None = None
    positives: Sequence[tuple[int, ...]] = ()
    has_several: bool = False

    @property
    def channels(self) -> int:
        """Number of channels of the images."""
        return self.batches[0].shape[1]

    @property
    def labels(self) -> list[int | None]:
        """First class of each image, None where it is unlabelled."""
        return [classes[0] if classes else None for classes in self.positives or [()] * len(self.indices)]

    @property
    def slices(self) -> list[slice]:
        """Positions of each batch's images among all probe images."""
        lengths = [len(batch) for batch in self.batches]
        return [slice(start, stop) for start, stop in pairwise(accumulate(lengths, initial=0))]

    def with_classes(self, classes: int, multi_label: bool | None = None) -> Probes:
        """Return the probe images with the labels read as those of a model with so many classes.

        Args:
            classes: Number of the model's classes.
            multi_label: Whether rows of labels are classes that do not exclude each other; None if an image with two
                positive classes shows it.

        Raises:
            ValueError: If the labels do not fit the number of classes.
        """
        positives: list[tuple[int, ...]] = []
        has_several = False
        for images, labels in zip(self.batches, self.raw_labels, strict=True):
            if labels is None:
                positives += [()] * len(images)
                continue
            targets = label_targets(labels, classes)
            has_several |= has_several_labels(labels, multi_label)
            rows = targets.tolist() if targets.dim() == 2 else targets[:, None].tolist()
            positives += [tuple(target for target in row if target != IGNORED) for row in rows]
        return replace(self, positives=positives, has_several=has_several)
