"""Images with several labels, and a LightningModule of your own with a binary cross-entropy loss.

``python examples/multi_label.py --epochs 5`` trains on drawings that have a disc, a square, a ring, several of them or
none. For your own images, replace ``Drawings`` by a data set that returns an image and a float row of zeros and ones.
"""

from __future__ import annotations

import argparse
from typing import Any

import lightning as L
import torch
import torchvision
from drawings import Drawings
from torch import Tensor, nn
from torch.utils.data import DataLoader
from torchvision.transforms import v2

from camaug.callbacks import CamLogger, GroupCamAugmentation


class MultiLabelClassifier(L.LightningModule):
    """A classifier whose classes do not exclude each other, as ``CamLogger`` sees by the module's loss."""

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        # A small network that learns the drawings in seconds. For photos: torchvision.models.resnet18, pretrained.
        self.net = torchvision.models.DenseNet(16, (2, 2, 2), 32, num_classes=num_classes)
        self.loss = nn.BCEWithLogitsLoss()

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits."""
        logits: Tensor = self.net(images)
        return logits

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        """Return the loss of a batch."""
        images, labels = batch
        loss: Tensor = self.loss(self(images), labels)
        return loss

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        """Log the share of the labels of a batch that are predicted correctly."""
        images, labels = batch
        self.log("val_accuracy", ((self(images) > 0) == labels.bool()).float().mean())

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Return the optimiser."""
        return torch.optim.AdamW(self.parameters(), lr=3e-3)


def main() -> None:
    """Train, and say how to look at the result."""
    parser = argparse.ArgumentParser(description="Train a multi-label classifier with camaug's two callbacks.")
    parser.add_argument("--epochs", type=int, default=5)
    options = parser.parse_args()

    L.seed_everything(0)
    tensor = [v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize([0.5] * 3, [0.5] * 3)]
    transform = v2.Compose(tensor)
    train, val = Drawings(600, 0, transform, several=True), Drawings(90, 1, transform, several=True)
    train_loader: DataLoader[Any] = DataLoader(train, batch_size=20, shuffle=True)
    val_loader: DataLoader[Any] = DataLoader(val, batch_size=20)

    trainer = L.Trainer(max_epochs=options.epochs, callbacks=[CamLogger(), GroupCamAugmentation()])
    trainer.fit(MultiLabelClassifier(len(train.classes)), train_loader, val_loader)
    print(f"correct labels on the validation images: {trainer.callback_metrics['val_accuracy']:.0%}")
    print(f"look at the heatmaps with: camaug tensorboard {trainer.log_dir}")


if __name__ == "__main__":
    main()
