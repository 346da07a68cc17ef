"""Batches, loaders and stages of the Trainer."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from lightning.pytorch.trainer.states import RunningStage, TrainerFn, TrainerState
from lightning.pytorch.utilities.exceptions import SIGTERMException
from torch.utils.data import DataLoader

from camaug.callbacks._trainer.stages import (
    as_validation,
    end_if_terminated,
    first_loader,
    has_validation,
    validation_or_training_loaders,
)
from tests.toys import Stream

STREAM = DataLoader(Stream())


@pytest.mark.parametrize("fn", [TrainerFn.FITTING, TrainerFn.TESTING])
def test_the_stage_is_validation_inside_a_block_of_fit(fn):
    state = TrainerState(fn=fn, stage=RunningStage.TRAINING)
    with as_validation(SimpleNamespace(state=state)):
        assert state.stage == (RunningStage.VALIDATING if fn == TrainerFn.FITTING else RunningStage.TRAINING)
    assert state.stage == RunningStage.TRAINING


@pytest.mark.parametrize("loaders", [STREAM, [STREAM, None], {"a": (STREAM, None)}])
def test_the_first_of_nested_loaders(loaders):
    assert first_loader(loaders) is STREAM


@pytest.mark.parametrize("loaders", [None, []])
def test_training_data_without_validation_data(loaders):
    trainer = SimpleNamespace(val_dataloaders=loaders, train_dataloader=[STREAM])
    assert not has_validation(trainer)
    assert validation_or_training_loaders(trainer) == [STREAM]


def test_a_stream_without_a_length_is_validation_data():
    trainer = SimpleNamespace(val_dataloaders=STREAM, train_dataloader=None)
    assert has_validation(trainer)
    assert validation_or_training_loaders(trainer) is STREAM


def test_a_sigterm_ends_the_only_process():
    end_if_terminated(SimpleNamespace(received_sigterm=True, world_size=2))
    end_if_terminated(SimpleNamespace(received_sigterm=False, world_size=1))
    with pytest.raises(SIGTERMException):
        end_if_terminated(SimpleNamespace(received_sigterm=True, world_size=1))
