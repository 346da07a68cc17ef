"""The warning about attention to the same position in every image, on images with and without marks."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import lightning as L
import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from camaug.callbacks import CamEvaluator, CamLogger
from camaug.callbacks._logging.warn_of_position_bias import snapshot_position_bias
from tests.callbacks._logging.make_snapshot import make_snapshot


class PooledClassifier(L.LightningModule):
    """Classifier whose logits depend on features at any position."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU(), nn.Conv2d(8, 8, 3, 2, 1), nn.ReLU())
        self.head = nn.Linear(8, 2)

    def forward(self, images):
        return self.head(self.features(images).mean(dim=(2, 3)))

    def training_step(self, batch, batch_idx):
        return F.cross_entropy(self(batch[0]), batch[1])

    def validation_step(self, batch, batch_idx):
        self.log("val/loss", F.cross_entropy(self(batch[0]), batch[1]))

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=0.02)


def squares(marked: bool) -> DataLoader:
    """Return images of a square at a random position, whose colour is the class, as is that of a mark in a corner."""
    generator = torch.Generator().manual_seed(0)
    images = 0.2 * torch.rand(64, 3, 32, 32, generator=generator)
    labels = torch.arange(64) % 2
    for image, label, (row, column) in zip(
        images, labels, torch.randint(2, 22, (64, 2), generator=generator), strict=True
    ):
        image[label, row : row + 8, column : column + 8] += 0.3
        if marked:
            image[label, 24:32, 24:32] += 1.0
    return DataLoader(TensorDataset(images, labels), batch_size=16)


def fit(callback: L.Callback, marked: bool, make_trainer: Callable[..., L.Trainer]) -> tuple[list[str], float]:
    """Train for some epochs and return the callback's warnings and the last position bias."""
    L.seed_everything(0, verbose=False)
    trainer, loader = make_trainer(callback, max_epochs=4), squares(marked)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        trainer.fit(PooledClassifier(), loader, loader)
    texts = [str(warning.message) for warning in caught if "position bias" in str(warning.message)]
    return texts, float(trainer.callback_metrics[f"{callback.tag}/position_bias"])


@pytest.mark.parametrize(
    "create",
    [lambda: CamLogger("grad-cam"), lambda: CamEvaluator("position_bias", "grad-cam")],
    ids=["logger", "evaluator"],
)
def test_a_mark_in_a_corner_is_one_warning_and_the_same_images_without_it_are_none(create, make_trainer):
    texts, bias = fit(create(), True, make_trainer)
    assert len(texts) == 1
    assert "images have the bottom right in common" in texts[0]
    assert bias > 0.2
    texts, bias = fit(create(), False, make_trainer)
    assert texts == []
    assert bias < 0.08


def test_one_finite_map_has_no_bias():
    maps = torch.rand(3, 16, 16)
    maps[1:] = torch.nan
    assert snapshot_position_bias(make_snapshot(maps)) is None
