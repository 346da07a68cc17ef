"""Labels of a batch as the classes to explain."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["IGNORED", "are_indices", "are_whole", "is_truth", "label_targets", "without_unit_dimensions"]

IGNORED = -1
"""Class index that stands for "no label"."""
TOLERANCE = 1e-3


def label_targets(labels: Tensor, classes: int | None) -> Tensor:
    """Return the classes that a batch's labels name.

    Args:
        labels: Class indices (N,) or (N, 1), of which negative ones (-1, -100) mean "unlabelled"; probabilities or
            one-hot rows (N, classes) that sum to 1; several labels per image (N, classes), a value above 0.5 for each
            positive class; or, for two classes, truth values (N,) or (N, 1) in [0, 1] of a classifier with one logit.
            Class indices may be whole numbers in floating point unless there are two classes.
            Further dimensions of size 1 are ignored.
        classes: Number of the model's classes, 2 for a model with one logit; None to read class indices of any number
            of classes, which needs no host synchronisation.

    Returns:
        Class indices, int64, (N,); for images with several labels (N, k), each row's positive classes in ascending
        order, padded with -1. An image without a label has -1 alone.

    Raises:
        ValueError: If the labels do not fit the number of classes.

    Example:
        >>> label_targets(torch.tensor([[1], [-100]]), classes=3)
        tensor([ 1, -1])
        >>> label_targets(torch.tensor([[1.0, 0.0, 1.0], [0.0, 0.0, 0.0]]), classes=3)
        tensor([[ 0,  2],
                [-1, -1]])
    """
    labels = without_unit_dimensions(labels)
    if labels.dim() == 1:
        return _truth(labels, classes) if is_truth(labels) else _indices(labels, classes)
    if labels.dim() == 2 and labels.shape[1] == classes:
        return _rows(labels)
    raise ValueError(
        f"expected labels of {classes} classes, class indices (N,) or one value for each class (N, {classes}), got "
        f"{labels.dtype} {tuple(labels.shape)}: name the labels with labels=, or give a function of the batch"
    )


def without_unit_dimensions(labels: Tensor) -> Tensor:
    """Return labels with one value for each image, such as (N, 1), as (N,), and others as they are."""
    is_column = labels.dim() > 1 and all(size == 1 for size in labels.shape[1:])
    return labels.reshape(len(labels)) if is_column else labels


def is_truth(labels: Tensor) -> bool:
    """Return True if labels with one value for each image are truth values rather than class indices."""
    return labels.is_floating_point() or labels.dtype == torch.bool


def are_indices(labels: Tensor) -> bool:
    """Return True if labels are class indices (N,) or (N, 1) of an integer type."""
    return without_unit_dimensions(labels).dim() == 1 and not is_truth(labels)


def are_whole(labels: Tensor) -> bool:
    """Return True if labels are whole numbers in floating point, as class indices out of a table are."""
    return labels.is_floating_point() and bool((labels == labels.round()).all())


def _truth(labels: Tensor, classes: int | None) -> Tensor:
    if classes != 2 and are_whole(labels):
        return _indices(labels.long(), classes)
    values = labels.float()
    if classes != 2 or bool(((values > 1) | (values < 0)).any()):
        raise ValueError(
            f"labels {labels.dtype} ({len(labels)},) are read as truth values in [0, 1] of a classifier with one logit "
            f"or two classes; the model has {classes} classes and the labels are between {float(values.min()):g} and "
            f"{float(values.max()):g}: give class indices as integers, or name the labels with labels="
        )
    return (values > 0.5).long()


def _indices(labels: Tensor, classes: int | None) -> Tensor:
    if classes is not None and len(labels) and int(labels.max()) >= classes:
        raise ValueError(
            f"labels name class {int(labels.max())}, and the model has {classes} classes, 0 to {classes - 1}: name the "
            "labels with labels= if another tensor of the batch holds them"
        )
    return labels.long().clamp(min=IGNORED)


def _rows(labels: Tensor) -> Tensor:
    values = labels.float()
    unlabelled = (values <= 0).all(dim=1)
    sums_to_one = ((values.sum(dim=1) - 1).abs() < TOLERANCE) & (values >= 0).all(dim=1)
    if bool((unlabelled | sums_to_one).all()):
        return values.argmax(dim=1).masked_fill(unlabelled, IGNORED)
    positive = values > 0.5
    most = int(positive.sum(dim=1).max())
    order = torch.where(positive, torch.arange(values.shape[1], device=values.device), values.shape[1])
    chosen = order.sort(dim=1).values[:, : max(most, 1)]
    return chosen.masked_fill(chosen == values.shape[1], IGNORED)
