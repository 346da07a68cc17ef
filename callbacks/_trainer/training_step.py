"""Temporary change of what a module's ``training_step`` receives and returns."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import lightning as L

from camaug.utils.replaced_attribute import replaced_attribute

__all__ = ["wrapped_training_step"]


@contextmanager
def wrapped_training_step(
    pl_module: L.LightningModule,
    change_batch: Callable[[Any], Any],
    change_result: Callable[[Any], Any] = lambda result: result,
) -> Iterator[None]:
    """Inside the block, pass batches to ``training_step`` and results from it through two functions.

    A callback cannot return a new batch, a tuple cannot be changed in place, and a tensor must not be changed, because
    the data set may yield it again.

    Args:
        pl_module: The module.
        change_batch: From Lightning's batch to the batch that ``training_step`` receives.
        change_result: From the result of ``training_step`` to the result that Lightning receives.
    """
    original = pl_module.training_step

    @functools.wraps(original)
    def training_step(batch: Any, *args: Any, **kwargs: Any) -> Any:
        return change_result(original(change_batch(batch), *args, **kwargs))

    with replaced_attribute(pl_module, "training_step", training_step):
        yield
