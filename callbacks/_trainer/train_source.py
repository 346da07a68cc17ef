"""Standing between Lightning and where it gets the training data."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import lightning as L

__all__ = ["wrap_train_source"]


def wrap_train_source(trainer: L.Trainer, replacement: Callable[[Any], Any]) -> Callable[[], None]:
    """Make Lightning train with ``replacement(loader)``, wherever the loader comes from and whenever it is asked for.

    Args:
        trainer: The trainer, before it has asked for the training data.
        replacement: From what the user gives to what Lightning gets.

    Returns:
        What undoes it.
    """
    # Where Lightning asks, for a loader that was given and for a hook of the module or the data module alike.
    source = trainer.fit_loop._data_source
    original = source.dataloader

    def dataloader() -> Any:
        return replacement(original())

    def restore() -> None:
        vars(source).pop("dataloader", None)

    vars(source)["dataloader"] = dataloader
    return restore
