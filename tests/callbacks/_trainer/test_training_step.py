from __future__ import annotations

from types import SimpleNamespace

import pytest

from camaug.callbacks._trainer.training_step import wrapped_training_step


class Strategy:
    def training_step(self, batch, batch_idx):
        return batch + batch_idx


@pytest.fixture
def trainer():
    return SimpleNamespace(strategy=Strategy())


def test_steps_are_run_by_the_function_only_inside_the_block(trainer):
    strategy = trainer.strategy
    with wrapped_training_step(trainer, lambda step, batch: -step(10 * batch)):
        assert strategy.training_step(2, 1) == -21
        with wrapped_training_step(trainer, lambda step, batch: step(batch + 1)):
            assert strategy.training_step(2, 1) == -31
    assert strategy.training_step(2, 1) == 3
    assert vars(strategy) == {}


def test_the_strategys_own_step_is_restored_after_an_error(trainer):
    with pytest.raises(ZeroDivisionError), wrapped_training_step(trainer, lambda step, batch: 1 / 0):
        trainer.strategy.training_step(2, 1)
    assert vars(trainer.strategy) == {}
