"""A small classifier, a small data set and a quiet trainer for the callbacks."""

from __future__ import annotations

import lightning as L
import pytest
from torch.utils.data import DataLoader

from tests.toys import Blobs, ToyClassifier


@pytest.fixture
def module() -> ToyClassifier:
    L.seed_everything(0, verbose=False)
    return ToyClassifier()


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
