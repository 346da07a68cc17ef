"""Standing between Lightning and a module's ``training_step``."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import lightning as L

__all__ = ["wrap_training_step"]


def wrap_training_step(
    pl_module: L.LightningModule, replacement: Callable[[Any], Any], ending: Callable[[Any], Any]
) -> Callable[[], None]:
    """Make the module's ``training_step`` receive ``replacement(batch)`` and end in ``ending(result)``.

    A callback cannot return a new batch, a tuple cannot be changed in place, and a tensor must not be, since the data
    set may hand it out again.

    Args:
        pl_module: The module.
        replacement: From the batch that Lightning hands out to the one that the step gets.
        ending: From what the step returns to what Lightning gets.

    Returns:
        What undoes it.
    """
    own = vars(pl_module).get("training_step")  # set on the instance by torch.compile, for one
    original = pl_module.training_step

    @functools.wraps(original)
    def training_step(batch: Any, *args: Any, **kwargs: Any) -> Any:
        return ending(original(replacement(batch), *args, **kwargs))

    def restore() -> None:
        if own is None:
            vars(pl_module).pop("training_step", None)
        else:
            vars(pl_module)["training_step"] = own

    vars(pl_module)["training_step"] = training_step
    return restore
