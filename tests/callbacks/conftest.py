"""A small network, a small data set and a quiet trainer for the callbacks."""

from __future__ import annotations

import lightning as L
import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, Dataset

CLASSES = 3


class Blobs(Dataset):
    """One bright square an image, whose place says the class; the mask is known."""

    classes = ("left", "middle", "right")

    def __init__(self, size: int = 24) -> None:
        generator = torch.Generator().manual_seed(0)
        self.targets = [index % CLASSES for index in range(size)]
        self.images = torch.rand(size, 3, 24, 24, generator=generator) * 0.3
        self.masks = torch.zeros(size, 24, 24, dtype=torch.bool)
        for index, target in enumerate(self.targets):
            self.masks[index, 8:16, 8 * target : 8 * target + 8] = True
        self.images += self.masks[:, None] * 0.7

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, index: int):
        return self.images[index], self.targets[index]

    def object_mask(self, index: int) -> torch.Tensor:
        return self.masks[index]


class Net(nn.Sequential):
    """Batch-norm, dropout and in-place ReLU: everything that a careless look disturbs."""

    def __init__(self) -> None:
        super().__init__(
            nn.Conv2d(3, 8, 3, padding=1),
            nn.BatchNorm2d(8),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(2),
            nn.Conv2d(8, 8, 3, padding=1),
            nn.BatchNorm2d(8),
            nn.ReLU(inplace=True),
            nn.Dropout(0.3),
            nn.Flatten(),
            nn.Linear(8 * 12 * 12, CLASSES),
        )


class Module(L.LightningModule):
    def __init__(self) -> None:
        super().__init__()
        self.net = Net()
        self.seen: list[torch.Tensor] = []
        self.losses: list[float] = []

    def forward(self, images):
        return self.net(images)

    def training_step(self, batch, batch_idx):
        images, labels = batch[0], batch[1]
        self.seen.append(images.detach().clone())
        loss = F.cross_entropy(self(images), labels)
        self.losses.append(loss.item())
        return loss

    def validation_step(self, batch, batch_idx):
        self.log("val/loss", F.cross_entropy(self(batch[0]), batch[1]))

    def test_step(self, batch, batch_idx):
        self.log("test/loss", F.cross_entropy(self(batch[0]), batch[1]))

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.05, momentum=0.9)


@pytest.fixture
def module() -> Module:
    L.seed_everything(0, verbose=False)
    return Module()


@pytest.fixture
def dataset() -> Blobs:
    return Blobs()


@pytest.fixture
def loader(dataset):
    return DataLoader(dataset, batch_size=8)


@pytest.fixture
def make_trainer(tmp_path):
    """A trainer on the CPU that logs to TensorBoard under ``tmp_path``."""

    def make(*callbacks, **settings) -> L.Trainer:
        logger = L.pytorch.loggers.TensorBoardLogger(tmp_path, name="run", version=settings.pop("version", "0"))
        defaults = {
            "logger": logger,
            "max_epochs": 2,
            "accelerator": "cpu",
            "devices": 1,
            "enable_checkpointing": False,
            "enable_progress_bar": False,
            "enable_model_summary": False,
            "log_every_n_steps": 1,
            "num_sanity_val_steps": 0,
        }
        return L.Trainer(callbacks=list(callbacks), **{**defaults, **settings})

    return make


@pytest.fixture
def read_events(tmp_path):
    """What TensorBoard will read of a run."""

    def read(version: str = "0"):
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

        events = EventAccumulator(str(tmp_path / "run" / version), size_guidance={"images": 0, "scalars": 0})
        return events.Reload()

    return read
