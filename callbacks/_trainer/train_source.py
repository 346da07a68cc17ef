"""Temporary change of the training data loader."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import lightning as L

from camaug.utils.replaced_attribute import replaced_attribute

__all__ = ["wrapped_train_source"]


@contextmanager
def wrapped_train_source(trainer: L.Trainer, change_loader: Callable[[Any], Any]) -> Iterator[None]:
    """Inside the block, make Lightning train with ``change_loader(loader)`` each time it fetches the training loader.

    Args:
        trainer: The trainer, before it has fetched the training loader.
        change_loader: From the user's loader to the loader that Lightning receives.
    """
    # Lightning fetches loaders here, whether they are passed to fit or come from a hook of the module or data module.
    source = trainer.fit_loop._data_source
    original = source.dataloader
    with replaced_attribute(source, "dataloader", lambda: change_loader(original())):
        yield
