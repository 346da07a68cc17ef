"""The validation images that are explained in a snapshot, and counts of all validation images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from .choose_images import ChosenImage

__all__ = ["ChosenImages"]


@dataclass(frozen=True)
class ChosenImages:
    """The images that were chosen in one validation of all processes, kept on the CPU.

    Attributes:
        images: (K, C, H, W), as the batches have them.
        logits: (K, classes), of the validation.
        targets: Classes (K,), -1 without a label; or boolean (K, classes), where an image may have several labels.
        choices: Number and scores of each image.
        indices: Index of each image in the data set, None where it is unknown.
        count: Number of validation images.
        wrong: Number of wrong predictions.
        forgotten: Number of images that became wrong, None if the order of the data is unknown or in the first
            validation.
        confusion: Number of images of each label (rows) and prediction (columns), (classes, classes); with several
            labels (classes, 2, 2), by truth and prediction; None of too many classes.
        step: Step at which the validation is logged.
    """

    images: Tensor
    logits: Tensor
    targets: Tensor
    choices: Sequence[ChosenImage]
    indices: Sequence[int | None]
    count: int
    wrong: int
    forgotten: int | None
    confusion: Tensor | None
    step: int

    @property
    def has_several(self) -> bool:
        """True if an image may have several labels."""
        return self.targets.dim() == 2

    def classes(self, position: int) -> list[int]:
        """Return the labels of the image at this position, none where it is unlabelled."""
        if self.has_several:
            return [int(label) for label in self.targets[position].nonzero()[:, 0]]
        target = int(self.targets[position])
        return [target] if 0 <= target < self.logits.shape[1] else []

    def probabilities(self) -> Tensor:
        """Return the probabilities (K, classes)."""
        return self.logits.sigmoid() if self.has_several else self.logits.softmax(dim=1)
