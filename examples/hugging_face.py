"""An image classifier of Hugging Face's transformers, whose batches and outputs are dictionaries.

Needs ``pip install transformers``. ``python examples/hugging_face.py --epochs 5`` trains a small new ResNet of the
library on drawn shapes, without a download; with ``--data FOLDER`` on your own photos, which are in
``FOLDER/train/CLASS`` and ``FOLDER/val/CLASS``.
"""

from __future__ import annotations

import argparse
from typing import Any

import lightning as L
import torch
from drawings import Drawings
from torch import Tensor
from torch.utils.data import DataLoader
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2
from transformers import ResNetConfig, ResNetForImageClassification

from camaug.callbacks import CamLogger, GroupCamAugmentation


class Classifier(L.LightningModule):
    """A model of the library, trained by its own loss. Its ``id2label`` names the classes in the heatmaps' captions."""

    def __init__(self, classes: list[str]) -> None:
        super().__init__()
        small: Any = {"embedding_size": 32, "hidden_sizes": [32, 64, 128], "depths": [1, 1, 1], "layer_type": "basic"}
        # For photos: AutoModelForImageClassification.from_pretrained(name, id2label=…, ignore_mismatched_sizes=True).
        self.model = ResNetForImageClassification(ResNetConfig(**small, id2label=dict(enumerate(classes))))

    def forward(self, pixel_values: Tensor, labels: Tensor | None = None) -> Any:
        """Return the model's outputs: the logits and, with labels, the loss."""
        return self.model(pixel_values=pixel_values, labels=labels)

    def training_step(self, batch: dict[str, Tensor], batch_idx: int) -> Tensor:
        """Return the loss of a batch."""
        loss: Tensor = self(**batch).loss
        return loss

    def validation_step(self, batch: dict[str, Tensor], batch_idx: int) -> None:
        """Log the accuracy of a batch."""
        correct = self(**batch).logits.argmax(dim=1) == batch["labels"]
        self.log("val_accuracy", correct.float().mean())

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Return the optimiser."""
        return torch.optim.AdamW(self.parameters(), lr=1e-3)


def collate(samples: list[tuple[Tensor, int]]) -> dict[str, Tensor]:
    """Return a batch as the library's models expect it."""
    images, labels = zip(*samples, strict=True)
    return {"pixel_values": torch.stack(images), "labels": torch.tensor(labels)}


def main() -> None:
    """Train, and say how to look at the result."""
    parser = argparse.ArgumentParser(description="Train a Hugging Face image classifier with camaug's two callbacks.")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--data", metavar="FOLDER", help="your photos; without it, drawn shapes")
    options = parser.parse_args()

    L.seed_everything(0)
    sizes = [v2.ToImage(), v2.Resize((96, 96)), v2.ToDtype(torch.float32, scale=True)]
    transform = v2.Compose([*sizes, v2.Normalize([0.5] * 3, [0.5] * 3)])
    train, val = Drawings(600, 0, transform), Drawings(90, 1, transform)
    if options.data:
        train, val = (ImageFolder(f"{options.data}/{split}", transform) for split in ("train", "val"))
    trainer = L.Trainer(max_epochs=options.epochs, callbacks=[CamLogger(), GroupCamAugmentation()])
    loaders = DataLoader(train, 20, shuffle=True, collate_fn=collate), DataLoader(val, 20, collate_fn=collate)
    trainer.fit(Classifier(list(train.classes)), *loaders)
    print(f"accuracy on the validation images: {trainer.callback_metrics['val_accuracy']:.0%}")
    print(f"look at the heatmaps with: camaug tensorboard {trainer.log_dir}")


if __name__ == "__main__":
    main()
