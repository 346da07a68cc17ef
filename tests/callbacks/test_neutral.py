"""Looking changes nothing: training with and without the callbacks, compared bit for bit."""

from __future__ import annotations

import random

import lightning as L
import numpy as np
import pytest
import torch
from lightning.pytorch.callbacks import WeightAveraging

from camaug.callbacks import CamLogger, GroupCamAugmentation
from tests.small_explainers import CONVOLUTIONAL, small

from .conftest import Blobs, Module

EVERY = [name for name in CONVOLUTIONAL if name != "cam"]  # which needs another head
# One of each way of looking: gradients at a layer, queries, neither, the pixels, every layer, several layers, copies.
REPRESENTATIVES = ("grad-cam", "group-cam", "eigen-cam", "gradient", "full-grad", "refine-cam", "noise-smooth")


class Averaging(WeightAveraging):
    def __init__(self):
        super().__init__(avg_fn=lambda averaged, current, count: 0.9 * averaged + 0.1 * current)


def train(make_trainer, callback, **settings):
    """Everything that training leaves behind."""
    L.seed_everything(1, verbose=False)
    module = Module()
    if settings.pop("freeze", False):
        module.net[0].requires_grad_(False)
    extra = settings.pop("extra", [])
    loader = torch.utils.data.DataLoader(Blobs(), batch_size=8, shuffle=True)
    trainer = make_trainer(*([callback] if callback else []), *extra, **settings)
    trainer.fit(module, loader, torch.utils.data.DataLoader(Blobs(), batch_size=8))
    optimizer = [state["momentum_buffer"] for state in trainer.optimizers[0].state.values()]
    draws = [torch.rand(3), torch.tensor(random.random()), torch.tensor(np.random.rand())]
    gradients = [p.grad for p in module.parameters() if p.grad is not None]
    return [*module.state_dict().values(), *optimizer, *gradients, *draws, torch.tensor(module.losses)]


SETTINGS = {
    "plain": {},
    "accumulated": {"accumulate_grad_batches": 2},
    "clipped": {"gradient_clip_val": 0.1},
    "bf16": {"precision": "bf16-mixed"},
    "no inference mode": {"inference_mode": False},
    "validation in mid-epoch": {"val_check_interval": 2},
    "frozen layer": {"freeze": True},
    "averaged weights": {"extra": [Averaging]},
}


FAST = [(name, setting) for name in EVERY for setting in SETTINGS if setting == "plain" or name in REPRESENTATIVES]
SLOW = [(name, setting) for name in EVERY for setting in SETTINGS if (name, setting) not in FAST]


@pytest.mark.parametrize(("name", "setting"), FAST + [pytest.param(*pair, marks=pytest.mark.slow) for pair in SLOW])
def test_training_is_bit_for_bit_the_same_with_the_logger(name, setting, make_trainer):
    settings = dict(SETTINGS[setting])
    results = []
    for callback in (None, CamLogger(small(name), images=3)):
        extra = [make() for make in settings.get("extra", [])]
        results.append(train(make_trainer, callback, **{**settings, "extra": extra}))
    assert len(results[0]) == len(results[1])
    assert all(torch.equal(without, with_logger) for without, with_logger in zip(*results, strict=True))


def test_augmentation_of_no_image_changes_nothing(make_trainer):
    without, with_it = (train(make_trainer, callback) for callback in (None, GroupCamAugmentation(share=0)))
    assert all(torch.equal(a, b) for a, b in zip(without, with_it, strict=True))


def test_a_careless_look_is_noticed(make_trainer):
    class Careless(L.Callback):
        def on_train_epoch_end(self, trainer, pl_module):
            pl_module(Blobs().images[:3])  # in training mode: batch-norm statistics move, dropout draws

    without, with_it = (train(make_trainer, callback) for callback in (None, Careless()))
    assert not all(torch.equal(a, b) for a, b in zip(without, with_it, strict=True))
