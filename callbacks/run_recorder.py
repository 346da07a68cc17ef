"""Results of a training run in one file."""

from __future__ import annotations

import json
import time
from typing import Any

import lightning as L

from camaug.utils.remote_address import write_to

__all__ = ["RunRecorder"]


class RunRecorder(L.Callback):
    """Callback that writes ``result.json`` at the end of a training run.

    The file has the numbers of ``epochs`` and ``steps``; ``train_seconds``, the wall-clock time of the training epochs
    without validation; ``history``, the value of every logged metric after each epoch; and ``final``, the last values.
    A run that fails or is interrupted does not write it.

    Args:
        directory: Directory of the file, by default the logger's, which may be in remote storage.

    Example:
        >>> trainer = L.Trainer(callbacks=[RunRecorder("runs/mine")], logger=False, accelerator="cpu")
    """

    def __init__(self, directory: str | None = None) -> None:
        self.directory = directory
        self._history: dict[str, list[float]] = {}
        self._started = 0.0
        self._seconds = 0.0
        self._epochs = 0
        self._directory: str | None = None

    def setup(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        """Start a new record. Every process calls ``log_dir``, which is a collective."""
        self._history, self._seconds, self._epochs = {}, 0.0, 0
        self._directory = self.directory or trainer.log_dir

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Start the clock."""
        self._started = time.perf_counter()

    def on_validation_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Stop the clock for a validation within an epoch."""
        if not trainer.sanity_checking:
            self._seconds += time.perf_counter() - self._started

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Restart the clock."""
        self._started = time.perf_counter()

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Stop the clock and record the metrics."""
        self._seconds += time.perf_counter() - self._started
        self._epochs += 1
        for name, value in trainer.callback_metrics.items():
            self._history.setdefault(name, []).append(float(value))

    def on_fit_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Write the file on rank zero, after every callback has logged what it logs at the end."""
        metrics = trainer.callback_metrics  # a collective, so every process reads them
        if not trainer.is_global_zero or trainer.interrupted or self._directory is None:
            return
        record: dict[str, Any] = {
            "epochs": self._epochs,
            "steps": trainer.global_step,
            "train_seconds": self._seconds,
            "history": self._history,
            "final": {name: float(value) for name, value in metrics.items()},
        }
        write_to(self._directory, "result.json", json.dumps(record, indent=1))
