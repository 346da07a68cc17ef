"""LightningModules as public code has them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import lightning as L
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.toys import CLASSES, DropoutNet


def as_pair(batch: Any) -> tuple[Tensor, Tensor]:
    """Return images and labels of the usual batch."""
    return batch[0], batch[1]


def cross_entropy(logits: Any, labels: Tensor) -> Tensor:
    """Return the loss of class indices or probabilities."""
    return F.cross_entropy(logits, labels)


def binary(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the loss of truth values and one logit, or of several labels."""
    return F.binary_cross_entropy_with_logits(logits.reshape(labels.shape), labels.float())


class Steps(L.LightningModule):
    """A module that reads its batches by a function, and records the images that its steps use.

    Args:
        read: Function from a batch to images and labels.
        loss: Function of logits and labels.
        outputs: Number of logits.
    """

    def __init__(
        self,
        read: Callable[[Any], tuple[Tensor, Any]] = as_pair,
        loss: Callable[[Any, Any], Tensor] = cross_entropy,
        outputs: int = CLASSES,
    ) -> None:
        super().__init__()
        self.net = DropoutNet()
        self.net[9] = nn.Linear(self.net[9].in_features, outputs)
        self.read, self.loss = read, loss
        self.seen: list[Tensor] = []

    def classify(self, images: Tensor) -> Any:
        """Return the logits."""
        raise NotImplementedError

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        images, labels = self.read(batch)
        self.seen.append(images.detach().clone())
        return self.loss(self.classify(images), labels)

    def validation_step(self, batch: Any, batch_idx: int, dataloader_idx: int = 0) -> None:
        images, labels = self.read(batch)
        self.log("val/loss", self.loss(self.classify(images), labels), batch_size=len(images))

    def configure_optimizers(self) -> Any:
        return torch.optim.SGD(self.parameters(), lr=1e-3)


class Classifier(Steps):
    """A classifier whose steps call it with the images."""

    def forward(self, images: Tensor) -> Any:
        return self.net(images)

    def classify(self, images: Tensor) -> Any:
        return self(images)


def reading(read: Callable[[Any], Any], **settings: Any) -> Callable[[], Classifier]:
    """Return a function that returns a classifier with this reading of batches."""
    return lambda: Classifier(read, **settings)
