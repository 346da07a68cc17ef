"""The classification head of segmentation_models_pytorch."""

from __future__ import annotations

import pytest

pytest.importorskip("segmentation_models_pytorch")

import lightning as L
import segmentation_models_pytorch as smp
import torch

from tests.ecosystem.squares import squares_loader
from tests.ecosystem.trained import train


class MaskAndLabel(L.LightningModule):
    """A model of a mask and a label, of which the label's loss is used too."""

    def __init__(self) -> None:
        super().__init__()
        self.model = smp.Unet(
            "resnet18",
            encoder_weights=None,
            encoder_depth=3,
            decoder_channels=(16, 8, 8),
            classes=1,
            aux_params={"classes": 3, "pooling": "avg", "dropout": None},
        )
        self.dice = smp.losses.DiceLoss(smp.losses.BINARY_MODE, from_logits=True)

    def forward(self, image):
        return self.model(image)

    def training_step(self, batch, batch_idx):
        mask, label = self(batch["image"])
        return self.dice(mask, batch["mask"]) + torch.nn.functional.cross_entropy(label, batch["label"])

    validation_step = training_step

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=1e-3)


def with_mask(image, label):
    return {"image": image, "mask": (image.amax(dim=0, keepdim=True) > 0.5).float(), "label": label}


def test_mask_and_label(tmp_path):
    train(tmp_path, MaskAndLabel(), squares_loader(with_mask), squares_loader(with_mask)).check()
