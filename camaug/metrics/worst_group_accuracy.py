"""Accuracy of the worst group of images."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.functional.classification import multiclass_stat_scores

from camaug.metrics.checks import require_images
from camaug.utils.check_types import check_types

__all__ = ["WorstGroupAccuracy", "count_correct"]


def count_correct(logits: Tensor, labels: Tensor, num_classes: int) -> tuple[Tensor, Tensor]:
    """Count the images of each class, and those of them that are predicted correctly.

    Args:
        logits: (N, classes).
        labels: (N,).
        num_classes: Number of classes.

    Returns:
        The correct and all images of each class, int64 (classes,).

    Example:
        >>> count_correct(torch.tensor([[2.0, 1.0], [2.0, 1.0]]), torch.tensor([0, 1]), 2)
        (tensor([1, 0]), tensor([1, 1]))
    """
    scores = multiclass_stat_scores(logits, labels, num_classes, average=None)
    return scores[:, 0], scores[:, 4]  # true positives and support


class WorstGroupAccuracy(Metric):
    """Accuracy of the group with the lowest accuracy, where a group is a class with one kind of images.

    Sagawa et al. 2020, Distributionally Robust Neural Networks (arXiv 1911.08731), section 2. A model that relies on a
    shortcut fails on the groups in which the shortcut misleads, which a mean over all images hides. Groups without
    images are left out. ``compute`` returns the accuracy in [0, 1].

    Args:
        num_classes: Number of classes.
        num_kinds: Number of kinds of images, such as those without a mark, with the right one and with a wrong one.
        **kwargs: Arguments of TorchMetrics' ``Metric``.

    Example:
        >>> metric = WorstGroupAccuracy(num_classes=2, num_kinds=2)
        >>> metric.update(torch.tensor([[2.0, 1.0], [1.0, 2.0]]), torch.tensor([0, 1]), kind=0)
        >>> metric.update(torch.tensor([[2.0, 1.0], [2.0, 1.0]]), torch.tensor([0, 0]), kind=1)
        >>> metric.compute()
        tensor(1.)
        >>> metric.update(torch.tensor([[2.0, 1.0]]), torch.tensor([1]), kind=1)
        >>> metric.compute()
        tensor(0.)
    """

    full_state_update = False
    higher_is_better = True
    correct: Tensor
    count: Tensor

    def __init__(self, num_classes: int, num_kinds: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        check_types(WorstGroupAccuracy.__init__, {"num_classes": num_classes, "num_kinds": num_kinds})
        for name, value in (("num_classes", num_classes), ("num_kinds", num_kinds)):
            if value < 1:
                raise ValueError(f"`{name}` must be at least 1, got {value}")
        self.num_classes = num_classes
        for state in ("correct", "count"):
            self.add_state(state, torch.zeros(num_kinds, num_classes, dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, logits: Tensor, labels: Tensor, kind: int) -> None:
        """Add the predictions (N, classes) and labels (N,) of images of one kind."""
        correct, count = count_correct(logits, labels, self.num_classes)
        self.correct[kind] += correct
        self.count[kind] += count

    def compute(self) -> Tensor:
        """Compute the accuracy of the worst group.

        Raises:
            ValueError: If there were no images.
        """
        require_images(self, self.count.sum())
        return (self.correct / self.count).nan_to_num(nan=torch.inf).amin()
