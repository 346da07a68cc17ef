"""States of the random-number generators in checkpoints."""

from __future__ import annotations

import random
from typing import Any

import lightning as L
import numpy as np
import torch

from camaug.utils.preserved_random_state import accelerator_random_state, set_accelerator_random_state

__all__ = ["RandomStateCheckpoint"]


class RandomStateCheckpoint(L.Callback):
    """Callback that saves the states of Python's, NumPy's and PyTorch's random-number generators in checkpoints.

    Lightning does not. A run resumed from a checkpoint at an epoch's end draws the random numbers of the uninterrupted
    run: the order of the data, random transforms, dropout and the choice of augmented images. With one process it is
    the same run bit for bit, if the device's operations are deterministic. With several, every process gets the states
    of rank zero. ``camaug fit`` always uses this callback.

    Example:
        >>> trainer = L.Trainer(callbacks=[RandomStateCheckpoint()], logger=False, accelerator="cpu")
    """

    def __init__(self) -> None:
        self._restored: dict[str, Any] = {}

    def on_fit_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Restore the states again, unless the training data's iterator exists already and has drawn its seed."""
        if trainer.train_dataloader is None:
            self._restore()
        self._restored = {}

    def state_dict(self) -> dict[str, Any]:
        """Return the states in types that ``torch.load(weights_only=True)`` can load."""
        name, keys, *rest = np.random.get_state(legacy=True)
        return {
            "python": random.getstate(),
            "numpy": [name, np.asarray(keys).tolist(), *rest],
            "torch": torch.get_rng_state(),
            "accelerator": accelerator_random_state(),
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the states before a schedule counts the batches."""
        self._restored = state_dict
        self._restore()

    def _restore(self) -> None:
        if not self._restored:
            return
        random.setstate(_as_tuples(self._restored["python"]))
        name, keys, *rest = self._restored["numpy"]
        np.random.set_state((name, np.array(keys, dtype=np.uint32), *rest))
        torch.set_rng_state(self._restored["torch"].cpu())
        set_accelerator_random_state(self._restored["accelerator"])


def _as_tuples(value: Any) -> Any:
    return tuple(map(_as_tuples, value)) if isinstance(value, list | tuple) else value
