"""Labels of a validation batch, read without waiting for their device."""

from __future__ import annotations

import torch
from torch import Tensor

from camaug.augmentation.label_targets import are_indices, without_unit_dimensions
from camaug.augmentation.plain_tensor import plain_tensor

__all__ = ["read_targets"]


def read_targets(labels: Tensor | None, count: int, classes: int, device: torch.device, *, several: bool) -> Tensor:
    """Return labels as targets.

    Unlike :func:`camaug.augmentation.label_targets.label_targets` it looks at no value. Labels that do not fit count as
    missing.

    Args:
        labels: Labels of any kind, or None.
        count: Number of images N.
        classes: Number of the model's classes.
        device: Device of the result.
        several: Whether rows of labels are classes that do not exclude each other.

    Returns:
        Classes (N,), -1 without a label; boolean (N, classes) if ``several``.

    Example:
        >>> read_targets(torch.tensor([[0.1, 0.9], [0.0, 0.0]]), 2, 2, torch.device("cpu"), several=False)
        tensor([ 1, -1])
    """
    if labels is not None:
        labels = without_unit_dimensions(plain_tensor(labels)).to(device)
        if labels.shape == (count, classes):
            rows = labels.float()
            return rows > 0.5 if several else rows.argmax(dim=1).masked_fill((rows <= 0).all(dim=1), -1)
        if labels.shape == (count,) and not several:
            is_truth = classes == 2 and not are_indices(labels)
            return (labels.float() > 0.5).long() if is_truth else labels.long()
    if several:
        return torch.zeros(count, classes, dtype=torch.bool, device=device)
    return torch.full((count,), -1, device=device)
