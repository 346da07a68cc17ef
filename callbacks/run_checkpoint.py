"""The checkpoints of a run: its best epoch's and its last one's."""

from __future__ import annotations

import lightning as L
from lightning.pytorch.callbacks import ModelCheckpoint

__all__ = ["RunCheckpoint"]


class RunCheckpoint(ModelCheckpoint):
    """Lightning's ``ModelCheckpoint``, whose ``last.ckpt`` is that of the last epoch.

    Lightning's own is written only in epochs that are among the best, so that a run that has stopped improving would be
    resumed far behind where it was.

    Example:
        >>> saving = RunCheckpoint(monitor="val/accuracy", mode="max", save_last=True)
        >>> trainer = L.Trainer(callbacks=[saving], logger=False, accelerator="cpu")
    """

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Save, where there is no validation to wait for."""
        super().on_train_epoch_end(trainer, pl_module)
        if self._should_save_on_train_epoch_end(trainer):
            self._keep_last(trainer)

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Save, after an epoch's validation."""
        super().on_validation_end(trainer, pl_module)
        if not self._should_save_on_train_epoch_end(trainer):
            self._keep_last(trainer)

    def _keep_last(self, trainer: L.Trainer) -> None:
        if not self._should_skip_saving_checkpoint(trainer):  # which it does not where this step has been saved
            self._save_last_checkpoint(trainer, self._monitor_candidates(trainer))
