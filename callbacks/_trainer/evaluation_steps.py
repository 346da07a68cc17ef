"""Code around the Trainer's steps of validation, test and prediction."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import lightning as L

from camaug.utils.replaced_attribute import replaced_attribute

__all__ = ["wrapped_evaluation_step"]


@contextmanager
def wrapped_evaluation_step(
    trainer: L.Trainer, stage: str, around: Callable[[], AbstractContextManager[Any]]
) -> Iterator[None]:
    """Inside the block, run each step of a stage inside a context manager.

    The step is replaced in the Trainer's strategy, so that the module and the hooks of other callbacks stay as they
    are.

    Args:
        trainer: The trainer.
        stage: ``validation``, ``test`` or ``predict``.
        around: Function that returns a context manager for one step.
    """
    name = f"{stage}_step"
    original = getattr(trainer.strategy, name)

    def step(*args: Any, **kwargs: Any) -> Any:
        with around():
            return original(*args, **kwargs)

    with replaced_attribute(trainer.strategy, name, step):
        yield
