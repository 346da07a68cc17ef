"""Short training runs with CamLogger, for the browser tests."""

from __future__ import annotations

import lightning as L
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from camaug.callbacks import CamLogger

HOSTILE_NAME = "<img src=x onerror=document.title='taken'>"
CLASSES = ("left", HOSTILE_NAME, "right</script>")
EPOCHS = 4
IMAGES = 9
SIZE = 32


class SmallNet(L.LightningModule):
    """Two convolutions with 8 by 8 feature maps, and a linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU(), nn.Conv2d(8, 8, 3, 2, 1), nn.ReLU())
        self.head = nn.Linear(8 * 8 * 8, len(CLASSES))

    def forward(self, images):
        return self.head(self.features(images).flatten(1))

    def training_step(self, batch, batch_idx):
        return F.cross_entropy(self(batch[0]), batch[1])

    def validation_step(self, batch, batch_idx):
        self.log("val/loss", F.cross_entropy(self(batch[0]), batch[1]))

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.05, momentum=0.9)


def train(logdir, version: str, *callbacks, epochs: int = EPOCHS, seed: int = 0) -> None:
    """Train the network into ``logdir/run/version``."""
    L.seed_everything(seed, verbose=False)
    trainer = L.Trainer(
        logger=L.pytorch.loggers.TensorBoardLogger(logdir, name="run", version=version, default_hp_metric=False),
        callbacks=list(callbacks),
        max_epochs=epochs,
        accelerator="cpu",
        devices=1,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        log_every_n_steps=1,
        num_sanity_val_steps=0,
    )
    loader = DataLoader(_bright_squares(), batch_size=3)
    trainer.fit(SmallNet(), loader, loader)


def create_logger(method="grad-cam", tag: str = "cam", mistakes: int | None = None) -> CamLogger:
    """Create a CamLogger of all images without normalisation, fast path or trust checks."""
    settings = {"mean": (0, 0, 0), "std": (1, 1, 1), "fast": False, "trust_every_n_snapshots": None}
    return CamLogger(method, num_images=IMAGES, class_names=CLASSES, tag=tag, mistakes=mistakes, **settings)


def _bright_squares() -> TensorDataset:
    """Create images with one bright square, whose position gives the class."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(IMAGES) % len(CLASSES)
    images = torch.rand(IMAGES, 3, SIZE, SIZE, generator=generator) * 0.5
    for image, label in zip(images, labels.tolist(), strict=True):
        image[:, 10:20, 10 * label : 10 * label + 10] += 0.5
    return TensorDataset(images, labels)
