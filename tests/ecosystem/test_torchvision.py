"""Networks of torchvision that return several outputs in training mode."""

from __future__ import annotations

import lightning as L
import pytest
import torch
import torch.nn.functional as F
from torchvision.models import GoogLeNet, Inception3
from torchvision.models.inception import (
    BasicConv2d,
    InceptionA,
    InceptionB,
    InceptionC,
    InceptionD,
    InceptionE,
)

from tests.ecosystem.squares import squares_loader
from tests.ecosystem.trained import train


class WithAuxiliary(L.LightningModule):
    """A classifier with auxiliary heads in training mode."""

    def __init__(self, model) -> None:
        super().__init__()
        self.model = model

    def forward(self, x):
        return self.model(x)

    def training_step(self, batch, batch_idx):
        x, y = batch
        output, *auxiliary = self(x)
        return F.cross_entropy(output, y) + 0.3 * sum(F.cross_entropy(each, y) for each in auxiliary)

    def validation_step(self, batch, batch_idx):
        x, y = batch
        self.log("val_acc", (self(x).argmax(1) == y).float().mean())

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.01)


class AuxiliaryHead(torch.nn.Module):
    """An auxiliary head of Inception for images smaller than 299 pixels."""

    def __init__(self, in_channels, num_classes) -> None:
        super().__init__()
        self.head = torch.nn.Linear(in_channels, num_classes)

    def forward(self, features):
        return self.head(features.mean(dim=(2, 3)))


def googlenet():
    return GoogLeNet(num_classes=3, init_weights=False)


def inception():
    blocks = [BasicConv2d, InceptionA, InceptionB, InceptionC, InceptionD, InceptionE, AuxiliaryHead]
    return Inception3(num_classes=3, init_weights=False, inception_blocks=blocks)


@pytest.mark.parametrize(("network", "side"), [(googlenet, 64), (inception, 107)])
def test_auxiliary_heads(network, side, tmp_path):
    loader = squares_loader(side=side)
    # The maps of Grad-CAM are empty for many images of an untrained network, and change nothing.
    train(tmp_path, WithAuxiliary(network()), loader, loader, explainer="feature-maps").check()
