"""`LoaderMetrics`, the loss and the accuracies of several evaluation loaders."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torchmetrics import MeanMetric, MetricCollection
from torchmetrics.classification import MulticlassAccuracy

from camaug.metrics.worst_group_accuracy import WorstGroupAccuracy

__all__ = ["LoaderMetrics", "loader_names"]


class LoaderMetrics:
    """Metrics of one pass over several loaders: of all images, of each loader, and of the worst group.

    A group is a class in one loader.

    Args:
        names: Name of each loader.
        num_classes: Number of classes.
        metrics: Metrics of all images, which are cloned.
        device: Device of the predictions.
    """

    def __init__(self, names: list[str], num_classes: int, metrics: MetricCollection, device: torch.device) -> None:
        self._of_all = metrics.clone()
        self._of_all.reset()
        self._prefix = metrics.prefix or ""
        self._loss = MeanMetric().to(device)
        self._worst_group = WorstGroupAccuracy(num_classes, len(names)).to(device)
        self._accuracies = {name: MulticlassAccuracy(num_classes, average="micro").to(device) for name in names}

    def update(self, logits: Tensor, labels: Tensor, loss: Tensor, loader: int) -> None:
        """Add a batch of the loader with this number, and its mean loss."""
        self._of_all.update(logits, labels)
        self._loss.update(loss, len(labels))
        self._worst_group.update(logits, labels, loader)
        list(self._accuracies.values())[loader].update(logits, labels)

    def compute(self) -> dict[str, Tensor]:
        """Compute the metrics by name: ``loss``, ``accuracy``, ``accuracy/LOADER``, ``worst_group_accuracy``."""
        own = {
            "loss": self._loss.compute(),
            "worst_group_accuracy": self._worst_group.compute(),
            **{f"accuracy/{name}": accuracy.compute() for name, accuracy in self._accuracies.items()},
        }
        return self._of_all.compute() | {self._prefix + name: value for name, value in own.items()}


def loader_names(loaders: Any) -> list[str]:
    """Return the name of each of the Trainer's loaders: its key in a dictionary, or its number in a list.

    Example:
        >>> loader_names({"clean": [], "marked": []}), loader_names([[], []])
        (['clean', 'marked'], ['0', '1'])
    """
    if isinstance(loaders, Mapping):
        return [str(name) for name in loaders]
    return [str(number) for number in range(len(loaders))] if isinstance(loaders, list | tuple) else ["0"]
