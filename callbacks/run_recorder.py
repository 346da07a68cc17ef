"""What came of a run, in one file that a comparison of runs can read."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import lightning as L

from camaug.utils.atomic_write import write_atomically

__all__ = ["RunRecorder"]


class RunRecorder(L.Callback):
    """Writes ``result.json`` when the training has ended as it should.

    The file has ``epochs`` and ``steps`` that were trained; ``train_seconds``, the wall-clock time of the training
    epochs without validation; ``history``, every logged metric after each epoch; and ``final``, the last values. A run
    that failed or was interrupted leaves no such file.

    Args:
        directory: Folder of the file; by default the logger's.

    Example:
        >>> trainer = L.Trainer(callbacks=[RunRecorder("runs/mine")], logger=False, accelerator="cpu")
    """

    def __init__(self, directory: str | None = None) -> None:
        self.directory = directory
        self._history: dict[str, list[float]] = {}
        self._begun = 0.0
        self._seconds = 0.0
        self._epochs = 0
        self._folder: str | None = None

    def setup(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        """Begin a record; every process asks for the logger's folder, which is agreed among them."""
        self._history, self._seconds, self._epochs = {}, 0.0, 0
        self._folder = self.directory or trainer.log_dir

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Start the clock."""
        self._begun = time.perf_counter()

    def on_validation_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Stop the clock for a validation within an epoch."""
        if not trainer.sanity_checking:
            self._seconds += time.perf_counter() - self._begun

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Start it again."""
        self._begun = time.perf_counter()

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Stop the clock and note the metrics."""
        self._seconds += time.perf_counter() - self._begun
        self._epochs += 1
        for name, value in trainer.callback_metrics.items():
            self._history.setdefault(name, []).append(float(value))

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Write the file, whole or not at all."""
        if not trainer.is_global_zero or trainer.interrupted or self._folder is None:
            return
        record: dict[str, Any] = {
            "epochs": self._epochs,
            "steps": trainer.global_step,
            "train_seconds": self._seconds,
            "history": self._history,
            "final": {name: float(value) for name, value in trainer.callback_metrics.items()},
        }
        folder = Path(self._folder)
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(folder / "result.json", json.dumps(record, indent=1))
