"""Callbacks on the simulated device: the values of the CPU, few waits, and random numbers left as they were."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import Any

import lightning as L
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils._python_dispatch import _disable_current_modes
from torch.utils.data import DataLoader

from camaug.callbacks import CamEvaluator, CamLogger, CamZoom, GroupCamAugmentation, RandomStateCheckpoint
from camaug.callbacks._logging.evaluated_metrics import EVALUATED_METRICS
from camaug.metrics import choose_mosaics
from tests.simulated_device.backend import BACKEND, DEVICE
from tests.simulated_device.device import UNPINNED, SimulatedDevice
from tests.simulated_device.training import TinyClassifier, train, trainer_on
from tests.toys import Blobs

CPU = torch.device("cpu")
IMAGES = 4  # of a snapshot or an evaluation, in one batch

# Waits of one evaluation of one batch of images.
EVALUATION_WAITS = {
    "insertion_deletion": 6,
    "average_drop": 4,
    "road": 3 + 12,  # the solver's checks
    "border_energy": 3,
    "drift": 3,
    "trust": 6,
    "position_bias": 4,
    "energy_in_mask": 3,
    "pointing_game": 4,
    "grid_pointing_game": 5,
}


class BlobsWithMasks(Blobs):
    """Blobs of four classes, whose masks are known to callbacks."""

    def __init__(self, size: int = 24) -> None:
        super().__init__(size)
        self.targets = [index % 4 for index in range(size)]

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.images[index], self.targets[index]

    def object_mask(self, index: int) -> Tensor:
        return self.masks[index]


class EpochEndCounter(L.Callback):
    """Callback that records the waits of the callbacks that follow its first hook in each validation."""

    def __init__(self, device: SimulatedDevice) -> None:
        self._device = device
        self.waits: list[Counter[tuple[str, str]]] = []

    def on_validation_start(self, *_: Any) -> None:
        self._device.reset()

    def on_train_epoch_end(self, *_: Any) -> None:
        waits = self._device.waits.copy()
        del waits[UNPINNED, "elsewhere"]  # Lightning's own copies of the validation batches
        self.waits.append(waits)


def fit(*callbacks: L.Callback, place: torch.device = DEVICE, **settings: Any) -> dict[str, float]:
    """Train on blobs with the callbacks, and return the logged metrics."""
    torch.manual_seed(0)
    with torch.device("cpu"):
        loaders = [DataLoader(BlobsWithMasks(12), batch_size=4), DataLoader(BlobsWithMasks(), batch_size=IMAGES)]
    trainer = trainer_on(place, *callbacks, **settings)
    trainer.fit(TinyClassifier(), *loaders)
    return {name: float(value) for name, value in trainer.callback_metrics.items()}


@pytest.mark.parametrize(("trust_every_n_snapshots", "waits"), [(None, 2), (1, 4)])
def test_a_snapshot_after_the_first_waits_a_few_times_a_batch(device, tmp_path, trust_every_n_snapshots, waits):
    counter = EpochEndCounter(device)
    fit(
        CamLogger(num_images=IMAGES, trust_every_n_snapshots=trust_every_n_snapshots),
        counter,
        logger=L.pytorch.loggers.TensorBoardLogger(tmp_path),
        max_epochs=2,
    )
    assert counter.waits[1].total() == waits, counter.waits


@pytest.mark.parametrize("explainer", ["grad-cam", "group-cam"])
def test_metrics_of_snapshots_are_those_of_the_cpu(device_without_float64, tmp_path, explainer):
    def metrics(place: torch.device) -> dict[str, float]:
        logger = L.pytorch.loggers.TensorBoardLogger(tmp_path, version=str(place))
        return fit(CamLogger(num_images=IMAGES, explainer=explainer, fast=False), place=place, logger=logger)

    expected = metrics(CPU)
    assert expected
    assert metrics(DEVICE) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("name", EVALUATED_METRICS)
def test_evaluations_have_the_values_of_the_cpu_and_few_waits(device_without_float64, monkeypatch, name):
    mosaics = partial(choose_mosaics, threshold=0)  # the network is confident in nothing
    monkeypatch.setattr("camaug.callbacks._logging.update_on_mosaics.choose_mosaics", mosaics)
    counter = EpochEndCounter(device_without_float64)

    def evaluator() -> CamEvaluator:
        return CamEvaluator(name, num_images=IMAGES, explainer="grad-cam")

    with _disable_current_modes():  # which is faster
        expected = fit(evaluator(), place=CPU)
    assert expected
    assert fit(evaluator(), counter) == pytest.approx(expected, abs=1e-4)
    assert sum(counter.waits[-1].values()) <= EVALUATION_WAITS[name], counter.waits[-1]


@pytest.mark.parametrize("make", [
    lambda: CamLogger(num_images=IMAGES, trust_every_n_snapshots=1),
    lambda: CamEvaluator(["trust", "drift"], num_images=IMAGES),
], ids=["logger", "evaluator"])  # fmt: skip
def test_random_numbers_of_the_device_are_left_as_they_were(device, tmp_path, make):
    states = []
    for callbacks in ([], [make()]):
        logger = L.pytorch.loggers.TensorBoardLogger(tmp_path)
        module = train(*callbacks, dropout=0.2, data=BlobsWithMasks(12), max_epochs=2, logger=logger)
        states.append((BACKEND.get_rng_state(), torch.get_rng_state(), *module.parameters()))
    assert all(torch.equal(plain, with_callback) for plain, with_callback in zip(*states, strict=True))


def test_checkpoints_restore_the_random_numbers_of_the_device(device):
    torch.rand(3, device=DEVICE)
    saved = RandomStateCheckpoint().state_dict()
    expected = torch.rand(3, device=DEVICE).cpu()
    torch.manual_seed(5)
    RandomStateCheckpoint().load_state_dict(saved)
    assert torch.equal(torch.rand(3, device=DEVICE).cpu(), expected)


@pytest.mark.parametrize("make", [
    lambda: CamLogger(num_images=IMAGES, trust_every_n_snapshots=1),
    lambda: CamEvaluator([name for name in EVALUATED_METRICS if name != "grid_pointing_game"], num_images=IMAGES),
    GroupCamAugmentation,
], ids=["logger", "evaluator", "augmentation"])  # fmt: skip
def test_callbacks_work_where_new_tensors_are_on_the_device(default_device, tmp_path, make):
    assert fit(make(), logger=L.pytorch.loggers.TensorBoardLogger(tmp_path))


def test_zoomed_validation_has_the_values_of_the_cpu(device_without_float64):
    class Validated(TinyClassifier):
        def validation_step(self, batch, batch_idx):
            self.log("loss", F.cross_entropy(self(batch[0]), batch[1]))

    module, loader = Validated(), DataLoader(BlobsWithMasks(4), batch_size=4)
    losses = []
    for place in (CPU, DEVICE):
        # PyTorch cannot detach inference tensors with a dispatch of their own.
        trainer = trainer_on(place, CamZoom(), inference_mode=False)
        losses.append(trainer.validate(module, loader, verbose=False)[0]["loss"])
    assert losses[0] == pytest.approx(losses[1], abs=1e-5)
