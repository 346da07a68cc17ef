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
        """Take up the states before the training data are asked for an iterator, which draws its seed."""
        if not self._restored:
            return
        states, self._restored = self._restored, {}
        random.setstate(_as_tuples(states["python"]))
        name, keys, *rest = states["numpy"]
        np.random.set_state((name, np.array(keys, dtype=np.uint32), *rest))
        torch.set_rng_state(states["torch"].cpu())
        for device, state in enumerate(states["cuda"][: torch.cuda.device_count()]):
            torch.cuda.set_rng_state(state.cpu(), device)

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
        """Take note of the states."""
        self._restored = state_dict


def _as_tuples(value: Any) -> Any:
    return tuple(map(_as_tuples, value)) if isinstance(value, list | tuple) else value
