"""One class to explain for each image of a batch, read from labels of any kind."""

from __future__ import annotations

from torch import Tensor

from camaug.augmentation.label_targets import IGNORED, is_truth, label_targets

__all__ = ["check_labels_fit", "explained_classes"]

ANY_NUMBER = 2**31 - 1


def explained_classes(labels: Tensor) -> Tensor:
    """Return the class to explain for each image: its label, or the positive class with the largest share.

    Args:
        labels: Labels of any kind that :func:`camaug.augmentation.label_targets.label_targets` reads.

    Returns:
        Class indices, int64, (N,), with -1 for unlabelled images.

    Raises:
        ValueError: If the labels cannot be read.

    Example:
        >>> import torch
        >>> explained_classes(torch.tensor([[0.0, 0.4, 0.6], [0.0, 0.0, 0.0]]))
        tensor([ 2, -1])
    """
    targets = label_targets(labels, _apparent_classes(labels))
    if targets.dim() == 1:
        return targets
    return labels.argmax(dim=1).masked_fill(targets[:, 0] == IGNORED, IGNORED)


def check_labels_fit(labels: Tensor, classes: int) -> None:
    """Raise a ValueError if the labels are those of a model with another number of classes."""
    if _apparent_classes(labels) not in (ANY_NUMBER, classes):
        label_targets(labels, classes)


def _apparent_classes(labels: Tensor) -> int:
    """Return the number of classes that the labels' type and shape imply."""
    if labels.dim() == 2 and labels.shape[1] > 1:
        return labels.shape[1]
    return 2 if is_truth(labels) else ANY_NUMBER
