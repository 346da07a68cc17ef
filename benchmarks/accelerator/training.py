"""Training runs of the checks."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import lightning as L
import torch
import torch.nn.functional as F
import torchvision
from lightning.pytorch.loggers import TensorBoardLogger
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from benchmarks.accelerator.section import Sizes
from camaug.utils.timing import now

__all__ = ["CLASSES", "Classifier", "StepClock", "make_loader", "make_network", "make_small_network", "make_trainer"]

CLASSES = 10


class Classifier(L.LightningModule):
    """A network trained by plain SGD."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits."""
        logits: Tensor = self.net(images)
        return logits

    def training_step(self, batch: Sequence[Tensor], batch_idx: int) -> Tensor:
        """Return the cross entropy."""
        return F.cross_entropy(self(batch[0]), batch[1])

    def validation_step(self, batch: Sequence[Tensor], batch_idx: int) -> None:
        """Log the cross entropy."""
        self.log("val/loss", F.cross_entropy(self(batch[0]), batch[1]))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Return the optimiser."""
        return torch.optim.SGD(self.parameters(), lr=0.01)


class StepClock(L.Callback):
    """Seconds of each training step, waiting for the device."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.seconds: list[float] = []
        self.loss = float("nan")

    def on_train_batch_start(self, *args: Any) -> None:
        """Start the clock."""
        self._start = now(self.device)

    def on_train_batch_end(self, trainer: L.Trainer, module: L.LightningModule, outputs: Any, *args: Any) -> None:
        """Stop the clock."""
        self.seconds.append(now(self.device) - self._start)
        self.loss = float(outputs["loss"])


def make_network(sizes: Sizes, name: str) -> nn.Module:
    """Return a network of torchvision on a GPU, and on the CPU a small one, with batch-norm and dropout."""
    if sizes.is_cuda:
        network: nn.Module = torchvision.models.get_model(name, num_classes=CLASSES)
        return network
    return make_small_network()


def make_small_network() -> nn.Module:
    """Return a network of two convolutions with batch-norm and dropout, which careless explaining disturbs."""
    return nn.Sequential(
        *(nn.Conv2d(3, 16, 3, 2, 1), nn.BatchNorm2d(16), nn.ReLU(), nn.Conv2d(16, 32, 3, 2, 1), nn.BatchNorm2d(32)),
        *(nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.2), nn.Linear(32, CLASSES)),
    )


@functools.cache
def make_loader(count: int, side: int, batch: int) -> DataLoader[Any]:
    """Return a loader of images of noise."""
    images = torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(0))
    return DataLoader(TensorDataset(images, torch.arange(count) % CLASSES), batch_size=batch)


@contextmanager
def make_trainer(sizes: Sizes, *callbacks: L.Callback, **settings: Any) -> Iterator[L.Trainer]:
    """Yield a quiet trainer with a TensorBoard logger, whose files are deleted at the end."""
    with tempfile.TemporaryDirectory() as folder:
        yield L.Trainer(
            accelerator="gpu" if sizes.is_cuda else "cpu",
            devices=1,
            callbacks=list(callbacks),
            logger=TensorBoardLogger(folder),
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            **settings,
        )
