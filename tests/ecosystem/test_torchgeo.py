"""Classification tasks and data modules of torchgeo."""

from __future__ import annotations

import pytest

pytest.importorskip("torchgeo")

import torch
from torchgeo.datamodules import NonGeoDataModule
from torchgeo.datasets import NonGeoDataset
from torchgeo.trainers import ClassificationTask

from tests.ecosystem.squares import CLASSES, Squares
from tests.ecosystem.trained import train


class GeoSquares(NonGeoDataset):
    """Squares as a data set of torchgeo, with values up to 255."""

    def __init__(self, split="train", kind="multiclass") -> None:
        self.squares = Squares(classes=2 if kind == "binary" else 3)
        self.kind = kind
        self.classes = self.squares.classes

    def __len__(self):
        return len(self.squares)

    def __getitem__(self, index):
        image, label = self.squares[index]
        label = torch.tensor(label)
        if self.kind == "multilabel":
            label = torch.eye(3, dtype=torch.long)[label]
        return {"image": image * 255, "label": label}


class GeoModule(NonGeoDataModule):
    """The data module of the squares."""

    def __init__(self, **kwargs) -> None:
        super().__init__(GeoSquares, batch_size=8, num_workers=0, **kwargs)

    def setup(self, stage):
        self.train_dataset = GeoSquares("train", **self.kwargs)
        self.val_dataset = GeoSquares("val", **self.kwargs)


TASKS = {
    "multiclass": {"num_classes": 3},
    "binary": {"loss": "bce"},
    "multilabel": {"num_labels": 3, "loss": "bce"},
}


@pytest.mark.parametrize("kind", TASKS)
def test_tasks(kind, tmp_path):
    task = ClassificationTask(model="resnet10t", weights=None, in_channels=3, task=kind, lr=3e-3, **TASKS[kind])
    classes = CLASSES[:2] if kind == "binary" else CLASSES
    train(tmp_path, task, GeoModule(kind=kind)).check(classes)


def test_a_frozen_backbone(tmp_path):
    task = ClassificationTask(model="resnet10t", num_classes=3, freeze_backbone=True)
    train(tmp_path, task, GeoModule()).check()


class Multispectral(GeoSquares):
    """The squares among thirteen bands, as Sentinel-2 has them."""

    def __getitem__(self, index):
        item = super().__getitem__(index)
        noise = torch.rand(10, 32, 32, generator=torch.Generator().manual_seed(index))
        return {**item, "image": torch.cat([50 * noise, item["image"]])}


class MultispectralModule(GeoModule):
    """The data module of the thirteen bands."""

    def setup(self, stage):
        self.train_dataset, self.val_dataset = Multispectral("train"), Multispectral("val")


def test_thirteen_bands(tmp_path):
    task = ClassificationTask(model="resnet10t", in_channels=13, num_classes=3)
    train(tmp_path, task, MultispectralModule(), logging={"bands": (10, 11, 12)}).check()
