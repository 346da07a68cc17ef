"""A small classifier, a small data set and a quiet trainer for the callbacks."""

from __future__ import annotations

from functools import partial

import lightning as L
import pytest
from torch.utils.data import DataLoader

from tests import events
from tests.toys import Blobs, ToyClassifier, quiet_trainer


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
    """Return a function that makes trainers whose logs are in the test's folder."""
    return partial(quiet_trainer, tmp_path)


@pytest.fixture
def read_events(tmp_path):
    """Return a function that reads the events of one of ``make_trainer``'s runs."""
    return lambda version="0": events.read_events(tmp_path / "run" / version)
