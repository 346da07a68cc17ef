"""Temporary change of the Trainer's training step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import lightning as L

from camaug.utils.replaced_attribute import replaced_attribute

__all__ = ["wrapped_training_step"]


@contextmanager
def wrapped_training_step(trainer: L.Trainer, run: Callable[[Callable[[Any], Any], Any], Any]) -> Iterator[None]:
    """Inside the block, let a function run each training step.

    A callback cannot return a new batch, a tuple cannot be changed in place, and a tensor must not be changed, because
    the data set may yield it again. The step is replaced in the Trainer's strategy, so that the module stays as it is
    and can be copied, pickled and compiled.

    Args:
        trainer: The trainer.
        run: A function from the step and Lightning's batch to the step's result. The step is a function of a batch.
    """
    original = trainer.strategy.training_step

    def training_step(batch: Any, *args: Any) -> Any:
        return run(lambda changed: original(changed, *args), batch)

    with replaced_attribute(trainer.strategy, "training_step", training_step):
        yield
