"""Resumed training runs, which equal uninterrupted ones bit for bit."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import lightning as L
import pytest
import torch
from torch.utils.data import DataLoader

from camaug import GroupCAM
from camaug.callbacks import CamEvaluator, CamLogger, GroupCamAugmentation, RandomStateCheckpoint
from tests.small_explainers import SMALL_GROUP_CAM
from tests.toys import ToyClassifier, TransformedBlobs

EPOCHS = 4
pytestmark = pytest.mark.filterwarnings("ignore:Checkpoint directory .* exists and is not empty")


class MetricHistory(L.Callback):
    """A record of the metrics at the end of each epoch."""

    def __init__(self) -> None:
        self.history: dict[int, dict[str, float]] = {}

    def on_train_epoch_end(self, trainer, pl_module):
        metrics = {name: float(value) for name, value in trainer.callback_metrics.items() if "step_time" not in name}
        self.history[trainer.current_epoch] = metrics


def explainer() -> GroupCAM:
    return GroupCAM(**SMALL_GROUP_CAM)


def augmentation(**settings: Any) -> GroupCamAugmentation:
    defaults = {"share": 0.5, "recipe": "paired", "blur_kernel_size": 5, "blur_sigma": 5.0}
    return GroupCamAugmentation(explainer(), **{**defaults, **settings})


def train(
    make_trainer,
    folder: Path,
    version: str,
    epochs: int,
    resume: Path | None = None,
    random_state: bool = True,
    **settings: Any,
) -> dict[str, Any]:
    """Train with all callbacks and shuffled data, and return the final state and the history."""
    L.seed_everything(3, verbose=False)
    module, data = ToyClassifier(), TransformedBlobs()
    logger = CamLogger(explainer(), num_images=4)
    metrics = MetricHistory()
    callbacks = [
        *([RandomStateCheckpoint()] if random_state else []),
        logger,
        CamEvaluator(["drift", "average_drop"], explainer(), num_images=4),
        augmentation(**settings),
        metrics,
        L.pytorch.callbacks.ModelCheckpoint(folder, save_top_k=-1, filename="{epoch}"),
    ]
    trainer = make_trainer(*callbacks, max_epochs=epochs, version=version, enable_checkpointing=True)
    loaders = DataLoader(data, 8, shuffle=True), DataLoader(data, 8)
    trainer.fit(module, *loaders, ckpt_path=resume, weights_only=True)
    return {
        "state": copy.deepcopy(module.state_dict()),
        "optimizer": trainer.optimizers[0].state_dict()["state"],
        "seen": module.seen,
        "losses": module.losses,
        "history": metrics.history,
        "probes": logger._probes.indices,
    }


def are_equal(one: Any, other: Any) -> bool:
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(are_equal(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(are_equal(a, b) for a, b in zip(one, other, strict=True))
    return one == other


@pytest.mark.parametrize("settings", [{}, {"refresh_every_n_epochs": 2}], ids=["exact", "bank"])
@pytest.mark.parametrize("epochs_done", [1, 3])
def test_a_resumed_run_equals_an_uninterrupted_one(settings, epochs_done, make_trainer, tmp_path, read_events):
    whole = train(make_trainer, tmp_path / "whole", "whole", EPOCHS, **settings)
    train(make_trainer, tmp_path / "part", "part", epochs_done, **settings)
    checkpoint = tmp_path / "part" / f"epoch={epochs_done - 1}.ckpt"
    resumed = train(make_trainer, tmp_path / "part", "rest", EPOCHS, checkpoint, **settings)
    for name in ("state", "optimizer", "probes"):
        assert are_equal(whole[name], resumed[name]), name
    for name in ("seen", "losses"):  # also which images of a batch are augmented, and how
        steps = len(resumed[name])
        assert steps == (EPOCHS - epochs_done) * 3
        assert are_equal(whole[name][-steps:], resumed[name]), name
    for epoch in range(epochs_done, EPOCHS):
        assert whole["history"][epoch] == resumed["history"][epoch]
    # The first snapshot after resuming is compared with the last one before.
    drift = {
        version: {event.step: event.value for event in read_events(version).Scalars("cam/drift")}
        for version in ("whole", "rest")
    }
    assert drift["rest"] == {step: value for step, value in drift["whole"].items() if step >= epochs_done * 3}
    overviews = {
        version: [event.encoded_image_string for event in read_events(version).Images("cam/overview")]
        for version in ("whole", "rest")
    }
    assert overviews["rest"] == overviews["whole"][epochs_done:]


def test_lightning_without_the_callback_does_not_restore_random_numbers(make_trainer, tmp_path):
    # If this fails, RandomStateCheckpoint is no longer needed.
    whole = train(make_trainer, tmp_path / "whole", "whole", 2, random_state=False)
    train(make_trainer, tmp_path / "part", "part", 1, random_state=False)
    resumed = train(make_trainer, tmp_path / "part", "rest", 2, tmp_path / "part" / "epoch=0.ckpt", random_state=False)
    assert not are_equal(whole["seen"][3:], resumed["seen"])


@pytest.fixture
def checkpoint(make_trainer, module, loader, tmp_path):
    """Return a checkpoint after one epoch with four probe images, and the callback that wrote it."""
    saving = L.pytorch.callbacks.ModelCheckpoint(tmp_path / "checkpoints", save_last=True)
    trainer = make_trainer(CamLogger("grad-cam", num_images=4), saving, max_epochs=1, enable_checkpointing=True)
    trainer.fit(module, loader, loader)
    return tmp_path / "checkpoints" / "last.ckpt", saving


def test_drift_is_not_measured_against_a_snapshot_of_other_images(make_trainer, checkpoint, read_events, loader):
    path, saving = checkpoint
    callbacks = CamLogger("grad-cam", num_images=6), saving
    trainer = make_trainer(*callbacks, max_epochs=3, version="more", enable_checkpointing=True)
    trainer.fit(ToyClassifier(), loader, loader, ckpt_path=path, weights_only=True)
    resumed, earlier = read_events("more").Scalars("cam/drift"), read_events().Scalars("cam/drift")
    assert [event.step for event in earlier + resumed] == [2, 5, 8]  # each first one since the start of its run


def test_a_validation_is_not_compared_with_the_training_run(make_trainer, checkpoint, read_events, loader):
    path, saving = checkpoint
    callbacks = CamLogger("grad-cam", num_images=4), saving
    trainer = make_trainer(*callbacks, version="validated", enable_checkpointing=True)
    trainer.validate(ToyClassifier(), loader, ckpt_path=path, weights_only=True)
    tags = read_events("validated").Tags()["scalars"]
    assert "cam_validate/constant_maps" in tags
    assert "cam_validate/drift" not in tags
