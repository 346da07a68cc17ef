"""LoRA of peft around networks of timm and of Hugging Face."""

from __future__ import annotations

import pytest

pytest.importorskip("peft")

import lightning as L
import timm
import torch
from peft import LoraConfig, get_peft_model

from tests.ecosystem.squares import squares_loader
from tests.ecosystem.test_transformers import as_dict, vit
from tests.ecosystem.trained import train


class Module(L.LightningModule):
    def __init__(self, model) -> None:
        super().__init__()
        self.model = model

    def forward(self, x):
        return self.model(x)

    def training_step(self, batch, batch_idx):
        x, y = batch
        return torch.nn.functional.cross_entropy(self(x), y)

    def validation_step(self, batch, batch_idx):
        x, y = batch
        self.log("val_acc", (self(x).argmax(1) == y).float().mean())

    def configure_optimizers(self):
        return torch.optim.AdamW([p for p in self.parameters() if p.requires_grad], lr=3e-3)


class HuggingFace(Module):
    def training_step(self, batch, batch_idx):
        return self.model(**batch).loss

    def validation_step(self, batch, batch_idx):
        self.log("val_loss", self.model(**batch).loss)


def test_timm(tmp_path):
    network = timm.create_model(
        "vit_tiny_patch16_224", img_size=32, patch_size=8, num_classes=3, embed_dim=32, depth=2, num_heads=2
    )
    config = LoraConfig(r=4, target_modules=["qkv", "fc1"], modules_to_save=["head"])
    train(tmp_path, Module(get_peft_model(network, config)), squares_loader(), squares_loader()).check()


def test_hugging_face(tmp_path):
    config = LoraConfig(r=4, target_modules=["q_proj", "v_proj"], modules_to_save=["classifier"])
    module = HuggingFace(get_peft_model(vit(), config))
    train(tmp_path, module, squares_loader(as_dict), squares_loader(as_dict)).check()
