"""timm's Mixup, which makes soft labels of a batch."""

from __future__ import annotations

import lightning as L
import timm
from timm.data import Mixup
from timm.loss import SoftTargetCrossEntropy
from timm.optim import create_optimizer_v2

from tests.ecosystem.squares import squares_loader
from tests.ecosystem.trained import train


class Classifier(L.LightningModule):
    def __init__(self) -> None:
        super().__init__()
        self.model = timm.create_model("resnet10t", num_classes=3)
        self.criterion = SoftTargetCrossEntropy()
        self.mixup = Mixup(mixup_alpha=0.8, cutmix_alpha=1.0, num_classes=3)

    def forward(self, x):
        return self.model(x)

    def validation_step(self, batch, batch_idx):
        x, y = batch
        self.log("val_acc", (self(x).argmax(1) == y).float().mean())

    def configure_optimizers(self):
        return create_optimizer_v2(self, opt="adamw", lr=3e-3)


class MixupInStep(Classifier):
    """A classifier that mixes images in its step."""

    def training_step(self, batch, batch_idx):
        x, y = self.mixup(*batch)
        return self.criterion(self(x), y)


class MixupAfterTransfer(Classifier):
    """A classifier that mixes images in a hook, so that the batch has soft labels."""

    def on_after_batch_transfer(self, batch, dataloader_idx):
        return self.mixup(*batch) if self.trainer.training else batch

    def training_step(self, batch, batch_idx):
        x, y = batch
        return self.criterion(self(x), y)


def test_mixup_in_the_step(tmp_path):
    train(tmp_path, MixupInStep(), squares_loader(), squares_loader()).check()


def test_mixup_after_the_transfer(tmp_path):
    train(tmp_path, MixupAfterTransfer(), squares_loader(), squares_loader()).check()
