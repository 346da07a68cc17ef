from __future__ import annotations

import lightning as L
import pytest
import torch

from camaug.callbacks import ExperimentRunner, PriceRunner
from camaug.experiments import RunTimeExperiment
from camaug.training.trainer import CamaugTrainer


@pytest.fixture
def trainer(tmp_path):
    return CamaugTrainer(
        max_epochs=1, accelerator="cpu", logger=True, default_root_dir=tmp_path, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False, callbacks=[L.Callback()],
    )  # fmt: skip


def attributes(trainer):
    """Return the trainer's own attributes and those of its loops, lists by their items."""
    fit = trainer.fit_loop
    return [
        {name: [*map(id, value)] if isinstance(value, list) else value for name, value in vars(owner).items()}
        for owner in (trainer, fit, fit.epoch_loop)
    ]


class Interrupted(Exception):
    pass


def test_a_price_that_fails_leaves_the_trainer_as_it_was(trainer, monkeypatch):
    before = attributes(trainer)
    held = []

    def fail(self, *_):
        held.append((list(trainer.callbacks), list(trainer.loggers), trainer.limit_val_batches))
        trainer.fit_loop.max_epochs, trainer.fit_loop.epoch_loop.max_steps = -1, 7
        raise Interrupted

    monkeypatch.setattr(CamaugTrainer, "fit", lambda self, *_, **__: fail(self))
    with pytest.raises(Interrupted):
        trainer.price(torch.nn.Linear(1, 1), None)
    ((callbacks, loggers, limit),) = held
    assert [type(each) for each in callbacks] == [PriceRunner]
    assert (loggers, limit) == ([], 0)
    assert attributes(trainer) == before


def test_replacements_nest_and_unwind_in_order(trainer):
    before = attributes(trainer)
    outer, inner = L.Callback(), L.Callback()
    with trainer._only(outer):
        between = attributes(trainer)
        with trainer._only(inner):
            assert trainer.callbacks == [inner]
        assert attributes(trainer) == between
        assert trainer.callbacks == [outer]
    assert attributes(trainer) == before


def test_the_instance_has_no_new_attribute_afterwards(trainer):
    del vars(trainer)["num_sanity_val_steps"]
    with trainer._only(L.Callback()):
        assert trainer.num_sanity_val_steps == 0
    assert "num_sanity_val_steps" not in vars(trainer)


def test_an_experiment_that_fails_leaves_the_callbacks_as_they_were(trainer, monkeypatch):
    before = list(trainer.callbacks)
    held = []

    def fail(self, *_, **__):
        held.extend(self.callbacks)
        raise Interrupted

    monkeypatch.setattr(CamaugTrainer, "predict", fail)
    with pytest.raises(Interrupted):
        trainer.experiment(torch.nn.Linear(1, 1), None, experiment=RunTimeExperiment())
    assert [type(each) for each in held[len(before) :]] == [ExperimentRunner]
    assert trainer.callbacks == before
