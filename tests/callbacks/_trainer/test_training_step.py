from __future__ import annotations

import pytest

from camaug.callbacks._trainer.training_step import wrapped_training_step
from tests.toys import ToyClassifier


def test_batches_and_results_are_changed_inside_the_block_alone():
    module = ToyClassifier()
    module.training_step = own = lambda batch, batch_idx: batch + batch_idx
    with wrapped_training_step(module, lambda batch: 10 * batch, lambda result: -result):
        assert module.training_step(2, 1) == -21
        with wrapped_training_step(module, lambda batch: batch + 1):
            assert module.training_step(2, 1) == -31
    assert module.training_step is own


def test_the_classs_own_step_is_restored_after_an_error():
    module = ToyClassifier()
    with pytest.raises(ZeroDivisionError), wrapped_training_step(module, lambda batch: 1 / 0):
        module.training_step(2, 1)
    assert "training_step" not in vars(module)
