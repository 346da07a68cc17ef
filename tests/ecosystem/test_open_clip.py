"""A linear probe on an image tower of open_clip."""

from __future__ import annotations

import pytest

pytest.importorskip("open_clip")

import lightning as L
import open_clip
import torch

from tests.ecosystem.squares import squares_loader
from tests.ecosystem.trained import train

VISION = {
    "vit": {"image_size": 32, "layers": 2, "width": 32, "head_width": 16, "patch_size": 8},
    "resnet": {"image_size": 64, "layers": [1, 1, 1, 1], "width": 8, "patch_size": None},
}
TEXT = {"context_length": 8, "vocab_size": 100, "width": 16, "heads": 1, "layers": 1}


class LinearProbe(L.LightningModule):
    """A frozen image tower and a linear classifier."""

    def __init__(self, vision) -> None:
        super().__init__()
        self.clip = open_clip.CLIP(embed_dim=16, vision_cfg=vision, text_cfg=TEXT)
        self.clip.requires_grad_(False)
        self.classifier = torch.nn.Linear(16, 3)

    def forward(self, images):
        with torch.no_grad():
            features = self.clip.encode_image(images, normalize=True)
        return self.classifier(features)

    def training_step(self, batch, batch_idx):
        images, labels = batch
        return torch.nn.functional.cross_entropy(self(images), labels)

    def validation_step(self, batch, batch_idx):
        images, labels = batch
        self.log("val_acc", (self(images).argmax(1) == labels).float().mean())

    def configure_optimizers(self):
        return torch.optim.AdamW(self.classifier.parameters(), lr=0.1)


@pytest.mark.parametrize("tower", VISION)
def test_linear_probe(tower, tmp_path):
    loader = squares_loader(side=VISION[tower]["image_size"])
    probe = LinearProbe(VISION[tower])
    train(tmp_path, probe, loader, loader, logging={"explainer": "score-cam"}).check()


def test_a_tower_without_gradients_is_explained_without_gradients(tmp_path):
    (message,) = train(tmp_path, LinearProbe(VISION["vit"]), squares_loader(), squares_loader()).messages
    assert "of group-cam without gradients instead of verified-cam" in message


class FineTuned(L.LightningModule):
    """A contrastive model whose logits are the similarities with the names of the classes."""

    def __init__(self) -> None:
        super().__init__()
        self.clip = open_clip.CLIP(embed_dim=16, vision_cfg=VISION["vit"], text_cfg=TEXT)
        self.register_buffer("names", torch.randint(1, 100, (3, 8)))

    def forward(self, images):
        image_features, text_features, scale = self.clip(images, self.names)
        return scale * image_features @ text_features.T

    def training_step(self, batch, batch_idx):
        images, labels = batch
        return torch.nn.functional.cross_entropy(self(images), labels)

    def validation_step(self, batch, batch_idx):
        images, labels = batch
        self.log("val_acc", (self(images).argmax(1) == labels).float().mean())

    def configure_optimizers(self):
        return torch.optim.AdamW(self.parameters(), lr=1e-3)


def test_similarities_with_the_classes_names(tmp_path):
    train(tmp_path, FineTuned(), squares_loader(), squares_loader()).check()
