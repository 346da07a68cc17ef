"""MONAI: images from files, dictionary transforms, MetaTensor batches and its networks."""

from __future__ import annotations

import pytest

pytest.importorskip("monai")

import lightning as L
import torch
from monai.data import CacheDataset, DataLoader, Dataset
from monai.networks.nets import DenseNet, EfficientNetBN, ViT
from monai.transforms import (
    Compose,
    EnsureChannelFirstd,
    EnsureTyped,
    LoadImaged,
    RandFlipd,
    RandRotate90d,
    ScaleIntensityd,
)
from torchvision.utils import save_image

from tests.ecosystem.squares import Squares
from tests.ecosystem.trained import train

CLASSES = ("class 0", "class 1", "class 2")


def densenet():
    return DenseNet(
        spatial_dims=2, in_channels=3, out_channels=3, init_features=8, growth_rate=8, block_config=(2, 2)
    )  # fmt: skip


def vit():
    return ViT(
        in_channels=3, img_size=32, patch_size=8, hidden_size=32, mlp_dim=64, num_layers=2, num_heads=2,
        classification=True, num_classes=3, spatial_dims=2, post_activation=None,
    )  # fmt: skip


class Module(L.LightningModule):
    def __init__(self, network) -> None:
        super().__init__()
        self.model = network
        self.loss_function = torch.nn.CrossEntropyLoss()

    def forward(self, x):
        return self.model(x)

    def training_step(self, batch, batch_idx):
        images, labels = batch["image"], batch["label"]
        output = self.forward(images)
        loss = self.loss_function(output, labels)
        self.log("train_loss", loss.item())
        return loss

    def validation_step(self, batch, batch_idx):
        images, labels = batch["image"], batch["label"]
        self.log("val_loss", self.loss_function(self.forward(images), labels), batch_size=len(images))

    def configure_optimizers(self):
        return torch.optim.Adam(self.model.parameters(), 3e-3)


class WithHiddenStates(Module):
    """A module of a network that returns logits and hidden states."""

    def training_step(self, batch, batch_idx):
        output, _ = self.forward(batch["image"])
        return self.loss_function(output, batch["label"])

    def validation_step(self, batch, batch_idx):
        self.log("val_loss", self.training_step(batch, batch_idx), batch_size=len(batch["label"]))


@pytest.fixture
def files(tmp_path):
    squares = Squares()
    items = []
    for index in range(len(squares)):
        image, label = squares[index]
        path = tmp_path / f"{index}.png"
        save_image(image, path)
        items.append({"image": str(path), "label": label})
    return items


TRANSFORM = [
    LoadImaged(keys=["image"]),
    EnsureChannelFirstd(keys=["image"]),
    ScaleIntensityd(keys=["image"]),
]
TRAIN = Compose(
    [
        *TRANSFORM,
        RandFlipd(keys=["image"], prob=0.5),
        RandRotate90d(keys=["image"], prob=0.5),
        EnsureTyped(keys=["image"]),
    ]
)


@pytest.mark.parametrize("kind", [Dataset, CacheDataset])
def test_dictionaries_of_meta_tensors(kind, files, tmp_path):
    settings = {"progress": False} if kind is CacheDataset else {}
    loaders = [
        DataLoader(kind(data=files, transform=transform, **settings), batch_size=8)
        for transform in (TRAIN, Compose(TRANSFORM))
    ]
    train(tmp_path, Module(densenet()), *loaders).check(CLASSES)


def test_efficientnet(files, tmp_path):
    loader = DataLoader(Dataset(data=files, transform=TRAIN), batch_size=8)
    network = EfficientNetBN("efficientnet-b0", pretrained=False, spatial_dims=2, in_channels=3, num_classes=3)
    train(tmp_path, Module(network), loader, loader, explainer="grad-cam").check(CLASSES)


def test_vit_that_returns_hidden_states(files, tmp_path):
    loader = DataLoader(Dataset(data=files, transform=TRAIN), batch_size=8)
    train(tmp_path, WithHiddenStates(vit()), loader, loader).check(CLASSES)
