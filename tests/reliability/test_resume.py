"""Stopped and resumed is uninterrupted, bit for bit."""

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
from tests.toys import ToyClassifier, TransformedBlobs

EPOCHS = 4
pytestmark = pytest.mark.filterwarnings("ignore:Checkpoint directory .* exists and is not empty")


class Remembering(L.Callback):
    """What is logged at the end of each epoch."""

    def __init__(self) -> None:
        self.history: dict[int, dict[str, float]] = {}

    def on_train_epoch_end(self, trainer, pl_module):
        figures = {name: float(value) for name, value in trainer.callback_metrics.items()}
        self.history[trainer.current_epoch] = {n: v for n, v in figures.items() if "step_time" not in n}


def explainer() -> GroupCAM:
    return GroupCAM(groups=4, theta=None, weighted=False, blur_kernel_size=5, blur_sigma=5.0)


def augmentation(**settings: Any) -> GroupCamAugmentation:
    defaults = {"share": 0.5, "recipe": "paired", "blur_kernel_size": 5, "blur_sigma": 5.0}
    return GroupCamAugmentation(explainer(), **{**defaults, **settings})


def train(
    make_trainer, folder: Path, version: str, epochs: int, resume: Path | None = None, kept: Any = None, **settings: Any
):
    """Everything on; the data in another order every epoch, by the global random numbers."""
    L.seed_everything(3, verbose=False)
    module, data = ToyClassifier(), TransformedBlobs()
    logger = CamLogger(explainer(), images=4)
    memory = Remembering()
    kept = [RandomStateCheckpoint()] if kept is None else kept
    callbacks = [
        *kept,
        logger,
        CamEvaluator(["drift", "average_drop"], explainer(), images=4),
        augmentation(**settings),
        memory,
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
        "history": memory.history,
        "probes": logger._probes.indices,
    }


def equal(one: Any, other: Any) -> bool:
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(equal(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(equal(a, b) for a, b in zip(one, other, strict=True))
    return one == other


@pytest.mark.parametrize("settings", [{}, {"refresh_every_n_epochs": 2}], ids=["exact", "bank"])
@pytest.mark.parametrize("done", [1, 3])
def test_resumed_is_uninterrupted_bit_for_bit(settings, done, make_trainer, tmp_path, read_events):
    whole = train(make_trainer, tmp_path / "whole", "whole", EPOCHS, **settings)
    train(make_trainer, tmp_path / "part", "part", done, **settings)
    checkpoint = tmp_path / "part" / f"epoch={done - 1}.ckpt"
    resumed = train(make_trainer, tmp_path / "part", "rest", EPOCHS, checkpoint, **settings)
    for what in ("state", "optimizer", "probes"):
        assert equal(whole[what], resumed[what]), what
    for what in ("seen", "losses"):  # the augmented images too, and which of a batch they are
        left = len(resumed[what])
        assert left == (EPOCHS - done) * 3
        assert equal(whole[what][-left:], resumed[what]), what
    for epoch in range(done, EPOCHS):
        assert whole["history"][epoch] == resumed["history"][epoch]
    # The logger's first look after resuming is compared with its last one before.
    drift = {
        version: {event.step: event.value for event in read_events(version).Scalars("cam/drift")}
        for version in ("whole", "rest")
    }
    assert drift["rest"] == {step: value for step, value in drift["whole"].items() if step >= done * 3}
    pictures = {
        version: [event.encoded_image_string for event in read_events(version).Images("cam/overview")]
        for version in ("whole", "rest")
    }
    assert pictures["rest"] == pictures["whole"][done:]


def test_lightning_alone_goes_on_with_other_random_numbers(make_trainer, tmp_path):
    """The day it restores them, RandomStateCheckpoint has no use any more."""
    whole = train(make_trainer, tmp_path / "whole", "whole", 2, kept=[])
    train(make_trainer, tmp_path / "part", "part", 1, kept=[])
    resumed = train(make_trainer, tmp_path / "part", "rest", 2, tmp_path / "part" / "epoch=0.ckpt", kept=[])
    assert not equal(whole["seen"][3:], resumed["seen"])


@pytest.fixture
def checkpoint(make_trainer, module, loader, tmp_path):
    """After one epoch in which four images were watched; and what it was made with."""
    saving = L.pytorch.callbacks.ModelCheckpoint(tmp_path / "checkpoints", save_last=True)
    trainer = make_trainer(CamLogger("grad-cam", images=4), saving, max_epochs=1, enable_checkpointing=True)
    trainer.fit(module, loader, loader)
    return tmp_path / "checkpoints" / "last.ckpt", saving


def test_the_last_look_of_other_images_is_no_reference(make_trainer, checkpoint, read_events, loader):
    path, saving = checkpoint
    callbacks = CamLogger("grad-cam", images=6), saving
    trainer = make_trainer(*callbacks, max_epochs=3, version="more", enable_checkpointing=True)
    trainer.fit(ToyClassifier(), loader, loader, ckpt_path=path, weights_only=True)
    assert [event.step for event in read_events("more").Scalars("cam/drift")] == [8]  # none in epoch 1


def test_a_validation_is_not_compared_with_the_training(make_trainer, checkpoint, read_events, loader):
    path, saving = checkpoint
    callbacks = CamLogger("grad-cam", images=4), saving
    trainer = make_trainer(*callbacks, version="validated", enable_checkpointing=True)
    trainer.validate(ToyClassifier(), loader, ckpt_path=path, weights_only=True)
    found = read_events("validated").Tags()["scalars"]
    assert "cam_validate/constant_maps" in found
    assert "cam_validate/drift" not in found
