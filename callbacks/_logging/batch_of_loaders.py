"""A training batch of several loaders, for hooks that expect the batches of all of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import lightning as L
from lightning.pytorch.utilities.model_helpers import is_overridden

from .load_batches import first_batch

__all__ = ["BatchOfLoaders", "has_batch_hooks"]

HOOKS = ("on_before_batch_transfer", "transfer_batch_to_device", "on_after_batch_transfer")


class BatchOfLoaders:
    """Function from a batch of one loader to a batch of all loaders, with the first batch of each other loader.

    Args:
        loaders: Nested lists and dictionaries of loaders.
        chosen: The loader whose batches are given.
    """

    def __init__(self, loaders: Any, chosen: Any) -> None:
        self._loaders, self._chosen = loaders, chosen
        self._others: dict[int, Any] = {}

    def __call__(self, batch: Any) -> Any:
        """Return the batch of all loaders."""
        return self._joined(self._loaders, batch)

    def _joined(self, loaders: Any, batch: Any) -> Any:
        if loaders is self._chosen:
            return batch
        if isinstance(loaders, Mapping):
            return {key: self._joined(loader, batch) for key, loader in loaders.items()}
        if isinstance(loaders, list | tuple):
            return [self._joined(loader, batch) for loader in loaders]
        if id(loaders) not in self._others:
            self._others[id(loaders)] = first_batch(loaders)
        return self._others[id(loaders)]


def has_batch_hooks(trainer: L.Trainer) -> bool:
    """Return True if the module or the data module has hooks that move or change a batch."""
    module, datamodule = trainer.lightning_module, getattr(trainer, "datamodule", None)
    owners = [(module, L.LightningModule), *([] if datamodule is None else [(datamodule, L.LightningDataModule)])]
    return any(is_overridden(hook, owner, parent) for owner, parent in owners for hook in HOOKS)
