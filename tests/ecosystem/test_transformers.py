"""Image classifiers of Hugging Face's transformers."""

from __future__ import annotations

import pytest

pytest.importorskip("transformers")

import lightning as L
import torch
from transformers import (
    ConvNextConfig,
    ConvNextForImageClassification,
    ResNetConfig,
    ResNetForImageClassification,
    SwinConfig,
    SwinForImageClassification,
    ViTConfig,
    ViTForImageClassification,
)

from tests.ecosystem.squares import squares_loader
from tests.ecosystem.trained import train


def vit():
    return ViTForImageClassification(
        ViTConfig(
            image_size=32, patch_size=8, hidden_size=32, intermediate_size=64, num_hidden_layers=2,
            num_attention_heads=2, num_labels=3,
        )
    )  # fmt: skip


def resnet():
    return ResNetForImageClassification(
        ResNetConfig(embedding_size=16, hidden_sizes=[16, 32], depths=[1, 1], layer_type="basic", num_labels=3)
    )


def swin():
    return SwinForImageClassification(
        SwinConfig(
            image_size=32, patch_size=2, embed_dim=16, depths=[1, 1], num_heads=[2, 2], window_size=4, num_labels=3
        )
    )


def convnext():
    return ConvNextForImageClassification(
        ConvNextConfig(hidden_sizes=[16, 32], depths=[1, 1], num_stages=2, num_labels=3)
    )


NETWORKS = {"vit": vit, "resnet": resnet, "swin": swin, "convnext": convnext}


class Module(L.LightningModule):
    def __init__(self, network) -> None:
        super().__init__()
        self.model = network

    def configure_optimizers(self):
        return torch.optim.AdamW(self.parameters(), lr=3e-3)


class WithOutputs(Module):
    """A module whose forward returns the model's outputs."""

    def forward(self, pixel_values, labels=None):
        return self.model(pixel_values=pixel_values, labels=labels)

    def training_step(self, batch, batch_idx):
        outputs = self(**batch)
        self.log("train_loss", outputs.loss)
        return outputs.loss

    def validation_step(self, batch, batch_idx):
        outputs = self(**batch)
        self.log("val_acc", (outputs.logits.argmax(-1) == batch["labels"]).float().mean())


class WithLogits(Module):
    """A module whose forward returns logits."""

    def forward(self, pixel_values):
        return self.model(pixel_values=pixel_values).logits

    def training_step(self, batch, batch_idx):
        logits = self(batch["pixel_values"])
        return torch.nn.functional.cross_entropy(logits, batch["labels"])

    validation_step = training_step


class WithoutForward(Module):
    """A module whose step calls the model."""

    def training_step(self, batch, batch_idx):
        return self.model(**batch).loss

    validation_step = training_step


class WithKeywords(WithOutputs):
    """A module whose forward takes keywords alone."""

    def forward(self, **inputs):
        return self.model(**inputs)


def as_dict(image, label):
    return {"pixel_values": image, "labels": label}


@pytest.mark.parametrize("network", NETWORKS)
def test_networks(network, tmp_path):
    train(tmp_path, WithOutputs(NETWORKS[network]()), squares_loader(as_dict), squares_loader(as_dict)).check()


class SeveralLabels(WithOutputs):
    """A module whose images have several labels, as float rows."""

    def validation_step(self, batch, batch_idx):
        self.log("val_loss", self(**batch).loss)


def with_rows(image, label):
    return {"pixel_values": image, "labels": torch.eye(3)[label] + torch.eye(3)[0] * (label == 1)}


def test_several_labels(tmp_path):
    network = vit()
    network.config.problem_type = "multi_label_classification"
    train(tmp_path, SeveralLabels(network), squares_loader(with_rows), squares_loader(with_rows)).check(("red", "blue"))


def test_logits(tmp_path):
    train(tmp_path, WithLogits(vit()), squares_loader(as_dict), squares_loader(as_dict)).check()


def test_without_forward(tmp_path):
    train(tmp_path, WithoutForward(vit()), squares_loader(as_dict), squares_loader(as_dict)).check()


def test_keywords(tmp_path):
    with pytest.raises(
        ValueError, match=r"it is forward\(\*\*inputs\): give forward=, a function of module and images"
    ):
        train(tmp_path, WithKeywords(vit()), squares_loader(as_dict), squares_loader(as_dict))
    settings = {"forward": lambda module, images: module.model(images)}
    train(tmp_path, WithKeywords(vit()), squares_loader(as_dict), squares_loader(as_dict), **settings).check()
