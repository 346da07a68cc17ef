"""Epochs in which images are written to TensorBoard."""

from __future__ import annotations

from math import ceil

__all__ = ["logs_images_in_epoch"]

EPOCHS_WITH_ALL_IMAGES = 20
TENSORBOARD_KEEPS = 10


def logs_images_in_epoch(epoch: int, epochs: int | None) -> bool:
    """Return True if images are written to TensorBoard in this epoch.

    Up to 20 epochs, all have images. Longer runs have them in the first, the last and about ten epochs between, because
    TensorBoard's Images tab keeps ten.

    Example:
        >>> [epoch for epoch in range(100) if logs_images_in_epoch(epoch, 100)]
        [0, 9, 19, 29, 39, 49, 59, 69, 79, 89, 99]
    """
    if epochs is None or epochs <= EPOCHS_WITH_ALL_IMAGES:
        return True
    return (epoch + 1) % ceil(epochs / TENSORBOARD_KEEPS) == 0 or epoch in (0, epochs - 1)
