"""Random-number states in checkpoints."""

from __future__ import annotations

import random
from typing import Any

import lightning as L
import numpy as np
import torch

__all__ = ["RandomStateCheckpoint"]


class RandomStateCheckpoint(L.Callback):
    """Keeps the states of Python's, NumPy's and PyTorch's random numbers in checkpoints, as Lightning does not.

    A run that is resumed from the checkpoint of an epoch's end goes on with the random numbers it would have drawn:
    the order of the data, random transforms, dropout, and which images are augmented. On one process it is then the
    uninterrupted run, bit for bit, as far as the operations of the device are; on several, all take up the states of
    rank zero. ``train.py fit`` always has it.

    Example:
        >>> trainer = L.Trainer(callbacks=[RandomStateCheckpoint()], logger=False, accelerator="cpu")
    """

    def __init__(self) -> None:
        self._restored: dict[str, Any] = {}

    def on_fit_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Take up the states again, unless the training data have been asked for an iterator, which drew its seed."""
        if trainer.train_dataloader is None:
            self._take_up()
        self._restored = {}

    def state_dict(self) -> dict[str, Any]:
        """The states, in types that a checkpoint gives back weights-only."""
        name, keys, *rest = np.random.get_state()
        return {
            "python": random.getstate(),
            "numpy": [name, keys.tolist(), *rest],  # type: ignore[union-attr]
            "torch": torch.get_rng_state(),
            "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take up the states, before a schedule asks how many batches there are."""
        self._restored = state_dict
        self._take_up()

    def _take_up(self) -> None:
        if not self._restored:
            return
        random.setstate(_as_tuples(self._restored["python"]))
        name, keys, *rest = self._restored["numpy"]
        np.random.set_state((name, np.array(keys, dtype=np.uint32), *rest))
        torch.set_rng_state(self._restored["torch"].cpu())
        for device, state in enumerate(self._restored["cuda"][: torch.cuda.device_count()]):
            torch.cuda.set_rng_state(state.cpu(), device)


def _as_tuples(value: Any) -> Any:
    return tuple(map(_as_tuples, value)) if isinstance(value, list | tuple) else value
