"""Labels of any kind as a row of probabilities for each image, and back."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from camaug.augmentation.label_targets import is_truth, without_unit_dimensions

__all__ = ["label_rows", "labels_of_rows"]


def label_rows(labels: Tensor, classes: int) -> Tensor:
    """Return labels as rows with a value for each class.

    Args:
        labels: Class indices (N,) or (N, 1), truth values (N,) or (N, 1), or rows (N, classes).
        classes: Number of classes, 2 for truth values.

    Returns:
        Float32 rows (N, classes). The row of an unlabelled image is all zero.

    Example:
        >>> label_rows(torch.tensor([[2], [-1]]), classes=3)
        tensor([[0., 0., 1.],
                [0., 0., 0.]])
    """
    column = without_unit_dimensions(labels)
    if column.dim() == 2:
        return labels.float()
    if is_truth(labels):
        return torch.stack([1 - column.float(), column.float()], dim=1)
    return F.one_hot(column.long().clamp(min=0), classes).float() * (column >= 0)[:, None]


def labels_of_rows(rows: Tensor, labels: Tensor, *, has_one_logit: bool = False) -> Tensor:
    """Return rows in the shape and dtype of labels that can hold probabilities.

    Args:
        rows: Rows (N, classes).
        labels: The labels that the rows were made of.
        has_one_logit: True if the model has one logit, whose loss takes a number for each image.

    Returns:
        Truth values keep their shape and floating-point labels their dtype. Class indices become float32 rows, or the
        probabilities of class 1 in their own shape for a model with one logit.

    Example:
        >>> labels_of_rows(torch.tensor([[0.25, 0.75]]), torch.tensor([[1.0]], dtype=torch.float64))
        tensor([[0.7500]], dtype=torch.float64)
        >>> labels_of_rows(torch.tensor([[0.25, 0.75]]), torch.tensor([1]), has_one_logit=True)
        tensor([0.7500])
    """
    dtype = labels.dtype if labels.is_floating_point() else rows.dtype
    is_column = without_unit_dimensions(labels).dim() == 1
    if is_column and (is_truth(labels) or has_one_logit):
        return rows[:, 1].reshape(labels.shape).to(dtype)
    return rows.to(dtype)
