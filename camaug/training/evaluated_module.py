"""`EvaluatedModule`, the validation and testing of a classifier."""

from __future__ import annotations

from typing import Any, cast

import lightning as L
import torch.nn.functional as F
from torch import Tensor
from torchmetrics import Metric, MetricCollection
from torchmetrics.classification import MulticlassAccuracy

from camaug.training.loader_metrics import LoaderMetrics, loader_names

__all__ = ["EvaluatedModule"]


class EvaluatedModule(L.LightningModule):
    """LightningModule that logs the loss and the accuracies of validation and testing.

    With several loaders the metrics are of all images, and the accuracy of each loader and that of the worst group,
    which is a class in one loader, are logged too.

    Args:
        num_classes: Number of classes.
    """

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self._num_classes = num_classes
        self.val_metrics = _accuracies(num_classes, "val/")
        self.test_metrics = _accuracies(num_classes, "test/")
        self._loader_metrics: LoaderMetrics | None = None

    def on_validation_epoch_start(self) -> None:
        """Begin to collect the metrics of each loader, if there are several."""
        self._loader_metrics = self._create_loader_metrics(self.trainer.val_dataloaders, self.val_metrics)

    def validation_step(self, batch: Any, batch_idx: int, dataloader_idx: int = 0) -> None:
        """Log loss and accuracy."""
        self._evaluate(batch, "val/loss", self.val_metrics, dataloader_idx)

    def on_validation_epoch_end(self) -> None:
        """Log the metrics of several loaders."""
        self._log_loader_metrics()

    def on_test_epoch_start(self) -> None:
        """Begin to collect the metrics of each loader, if there are several."""
        self._loader_metrics = self._create_loader_metrics(self.trainer.test_dataloaders, self.test_metrics)

    def test_step(self, batch: Any, batch_idx: int, dataloader_idx: int = 0) -> None:
        """Log loss and accuracy."""
        self._evaluate(batch, "test/loss", self.test_metrics, dataloader_idx)

    def on_test_epoch_end(self) -> None:
        """Log the metrics of several loaders."""
        self._log_loader_metrics()

    def _evaluate(self, batch: Any, loss_name: str, metrics: MetricCollection, loader: int) -> None:
        images, labels = batch[0], batch[1]
        logits = self._predict(images)
        loss = F.cross_entropy(logits, labels)
        if self._loader_metrics is not None:
            self._loader_metrics.update(logits, labels, loss, loader)
            return
        metrics.update(logits, labels)
        self.log(loss_name, loss, sync_dist=True, batch_size=len(images))
        self.log_dict(metrics, prog_bar=True, batch_size=len(images))

    def _predict(self, images: Tensor) -> Tensor:
        """Compute the logits (N, num_classes) of images, by default by one forward pass."""
        return cast(Tensor, self(images))

    def _create_loader_metrics(self, loaders: Any, metrics: MetricCollection) -> LoaderMetrics | None:
        names = loader_names(loaders)
        return LoaderMetrics(names, self._num_classes, metrics, self.device) if len(names) > 1 else None

    def _log_loader_metrics(self) -> None:
        if self._loader_metrics is not None:
            self.log_dict(self._loader_metrics.compute(), prog_bar=True, sync_dist=True)
            self._loader_metrics = None


def _accuracies(num_classes: int, prefix: str) -> MetricCollection:
    metrics: dict[str, Metric | MetricCollection] = {"accuracy": MulticlassAccuracy(num_classes, average="micro")}
    if num_classes > 5:
        metrics["accuracy_top5"] = MulticlassAccuracy(num_classes, average="micro", top_k=5)
    return MetricCollection(metrics, prefix=prefix)
