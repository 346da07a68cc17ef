"""Training runs whose augmentation settings change nothing."""

from __future__ import annotations

import pytest
import torch
from torch.utils.data import DataLoader

from camaug.callbacks import GroupCamAugmentation
from tests.toys import ToyClassifier

SMALL = {"blur_kernel_size": 5, "blur_sigma": 5.0}


@pytest.fixture
def loader():
    return DataLoader([(torch.rand(3, 24, 24), index % 3) for index in range(8)], batch_size=4)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"start_epoch": 9},
            "nothing is augmented, because start_epoch=9 is after the last of 1",
        ),
        ({"share": 0.1}, "nothing is augmented, because share=0.1 of a batch of 4 images"),
        ({"ramp_epochs": 3}, "the share of augmented images rises to"),
    ],
)
def test_a_run_warns_before_its_first_step(settings, message, loader, make_trainer, recwarn):
    module = ToyClassifier()
    warned: list[bool] = []
    step = module.training_step

    def training_step(batch, batch_idx):
        warned.append(any(message in str(each.message) for each in recwarn))
        return step(batch, batch_idx)

    module.training_step = training_step
    make_trainer(GroupCamAugmentation("grad-cam", **SMALL, **settings), max_epochs=1).fit(module, loader)
    assert warned[0]


def test_max_steps_ends_the_run_too(loader, make_trainer):
    callback = GroupCamAugmentation("grad-cam", start_epoch=3, **SMALL)
    with pytest.warns(UserWarning, match="start_epoch=3 is after the last of 2 epochs"):
        make_trainer(callback, max_epochs=-1, max_steps=4).fit(ToyClassifier(), loader)


def test_unread_arguments_are_one_line(loader, make_trainer, caplog):
    with caplog.at_level("INFO"):
        make_trainer(GroupCamAugmentation("grad-cam", consistency=2.0, **SMALL), max_epochs=1).fit(
            ToyClassifier(), loader
        )
    assert caplog.text.count("GroupCamAugmentation: consistency=2.0 is without effect") == 1
