"""Training runs on the simulated device."""

from __future__ import annotations

from collections import Counter
from typing import Any

import lightning as L
import torch
import torch.nn.functional as F
from lightning.pytorch.accelerators import CPUAccelerator
from lightning.pytorch.strategies import SingleDeviceStrategy
from torch.utils.data import DataLoader, Dataset, TensorDataset

from tests.simulated_device.backend import DEVICE
from tests.simulated_device.device import SimulatedDevice
from tests.toys import TinyNet

__all__ = ["StepCounter", "TinyClassifier", "train", "trainer_on"]


class SimulatedAccelerator(CPUAccelerator):
    """Accelerator whose device needs no setup."""

    def setup_device(self, device: torch.device) -> None:
        pass


class TinyClassifier(L.LightningModule):
    """A classifier of five classes around :class:`tests.toys.TinyNet`, whose steps do not wait for the device.

    Args:
        dropout: Share of the pixels that are dropped in training, with random numbers of the device.
    """

    def __init__(self, dropout: float = 0.0) -> None:
        super().__init__()
        self.net = TinyNet()
        self.dropout = dropout

    def forward(self, images):
        return self.net(images)

    def training_step(self, batch, batch_idx):
        return F.cross_entropy(self(F.dropout(batch[0], self.dropout)), batch[1])

    def validation_step(self, batch, batch_idx):
        pass

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.01)


class StepCounter(L.Callback):
    """Callback that records the counts of each training step, with the callbacks after it.

    Attributes:
        waits: Waits of each step, by kind and line.
        operations: Number of operations of each step.
        shapes: Shapes of each step's convolutions and matrix products.
    """

    def __init__(self, device: SimulatedDevice) -> None:
        self._device = device
        self.waits: list[Counter[tuple[str, str]]] = []
        self.operations: list[int] = []
        self.shapes: list[frozenset[Any]] = []

    def on_train_batch_start(self, *_: Any) -> None:
        self._device.reset()

    def on_train_batch_end(self, *_: Any) -> None:
        self.waits.append(self._device.waits.copy())
        self.operations.append(self._device.operations)
        self.shapes.append(frozenset(self._device.shapes))


def trainer_on(device: torch.device, *callbacks: L.Callback, **settings: Any) -> L.Trainer:
    """Return a trainer for one epoch that prints and writes nothing."""
    defaults = {
        "max_epochs": 1,
        "logger": False,
        "enable_checkpointing": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "num_sanity_val_steps": 0,
    }
    strategy = SingleDeviceStrategy(device, SimulatedAccelerator())
    return L.Trainer(callbacks=list(callbacks), strategy=strategy, **(defaults | settings))


def train(
    *callbacks: L.Callback,
    device: torch.device = DEVICE,
    data: Dataset | None = None,
    dropout: float = 0.0,
    **settings: Any,
) -> TinyClassifier:
    """Train a tiny classifier on images, by default on 16 random ones of 16 × 16 pixels, and return it."""
    torch.manual_seed(0)
    module = TinyClassifier(dropout)
    random = TensorDataset(torch.rand(16, 3, 16, 16), torch.arange(16) % 5)
    loader = DataLoader(random if data is None else data, batch_size=4)
    trainer_on(device, *callbacks, **settings).fit(module, loader, loader)
    return module
