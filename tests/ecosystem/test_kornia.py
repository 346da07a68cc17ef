"""Augmentation of kornia inside the module."""

from __future__ import annotations

import pytest

pytest.importorskip("kornia")

import kornia.augmentation as K
import lightning as L
import torch
import torchmetrics

from tests.ecosystem.squares import squares_loader
from tests.ecosystem.trained import train
from tests.toys import DropoutNet


class Classifier(L.LightningModule):
    def __init__(self) -> None:
        super().__init__()
        self.model = torch.nn.Sequential(
            *list(DropoutNet())[:-2], torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(8, 3)
        )
        self.augment = K.AugmentationSequential(
            K.RandomHorizontalFlip(p=0.5),
            K.RandomAffine(degrees=10, p=0.5),
            K.Normalize(mean=torch.tensor([0.2, 0.2, 0.2]), std=torch.tensor([0.3, 0.3, 0.3])),
            data_keys=["input"],
        )
        self.accuracy = torchmetrics.Accuracy(task="multiclass", num_classes=3)

    def forward(self, x):
        return self.model(x)

    def validation_step(self, batch, batch_idx):
        x, y = batch
        self.log("val_acc", self.accuracy(self(x), y))

    def configure_optimizers(self):
        return torch.optim.AdamW(self.parameters(), lr=3e-3)


class InStep(Classifier):
    """A classifier that augments in its step."""

    def training_step(self, batch, batch_idx):
        x, y = batch
        return torch.nn.functional.cross_entropy(self(self.augment(x)), y)


class AfterTransfer(Classifier):
    """A classifier that augments in a hook, as kornia's documentation advises."""

    def on_after_batch_transfer(self, batch, dataloader_idx):
        x, y = batch
        return (self.augment(x) if self.trainer.training else x), y

    def training_step(self, batch, batch_idx):
        x, y = batch
        return torch.nn.functional.cross_entropy(self(x), y)


def test_in_the_step(tmp_path):
    train(tmp_path, InStep(), squares_loader(), squares_loader()).check()


def test_after_the_transfer(tmp_path):
    train(tmp_path, AfterTransfer(), squares_loader(), squares_loader()).check()
