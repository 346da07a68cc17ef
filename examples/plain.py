"""Your own LightningModule with a torchvision network and plain data loaders.

``python examples/plain.py --epochs 5`` trains on drawn shapes; with ``--data FOLDER`` on your own photos, which are in
``FOLDER/train/CLASS`` and ``FOLDER/val/CLASS``. The callbacks of the Trainer are all that the script has of camaug.
"""

from __future__ import annotations

import argparse
from typing import Any

import lightning as L
import torch
import torch.nn.functional as F
import torchvision
from drawings import Drawings
from torch import Tensor
from torch.utils.data import DataLoader
from torchvision.transforms import v2

from camaug.callbacks import CamLogger, GroupCamAugmentation


class Classifier(L.LightningModule):
    """A classifier."""

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        # A small network that learns the drawings in seconds. For photos: torchvision.models.resnet18, pretrained.
        self.net = torchvision.models.DenseNet(16, (2, 2, 2), 32, num_classes=num_classes)

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits."""
        logits: Tensor = self.net(images)
        return logits

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        """Return the loss of a batch."""
        images, labels = batch
        return F.cross_entropy(self(images), labels)

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        """Log the accuracy of a batch."""
        images, labels = batch
        self.log("val_accuracy", (self(images).argmax(dim=1) == labels).float().mean())

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Return the optimiser."""
        return torch.optim.AdamW(self.parameters(), lr=3e-3)


def main() -> None:
    """Train, and say how to look at the result."""
    parser = argparse.ArgumentParser(description="Train your own LightningModule with camaug's two callbacks.")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--data", metavar="FOLDER", help="your photos; without it, drawn shapes")
    options = parser.parse_args()

    L.seed_everything(0)
    sizes = [v2.ToImage(), v2.Resize((96, 96)), v2.ToDtype(torch.float32, scale=True)]
    transform = v2.Compose([*sizes, v2.Normalize([0.5] * 3, [0.5] * 3)])
    if options.data:
        folders = [f"{options.data}/{split}" for split in ("train", "val")]
        train, val = (torchvision.datasets.ImageFolder(folder, transform) for folder in folders)
    else:
        train, val = Drawings(600, 0, transform), Drawings(90, 1, transform)
    train_loader: DataLoader[Any] = DataLoader(train, batch_size=20, shuffle=True)
    val_loader: DataLoader[Any] = DataLoader(val, batch_size=20)

    trainer = L.Trainer(max_epochs=options.epochs, callbacks=[CamLogger(), GroupCamAugmentation()])
    trainer.fit(Classifier(len(train.classes)), train_loader, val_loader)
    print(f"accuracy on the validation images: {trainer.callback_metrics['val_accuracy']:.0%}")
    print(f"look at the heatmaps with: camaug tensorboard {trainer.log_dir}")


if __name__ == "__main__":
    main()
