"""Checkpoints of a training run: of its best and last epochs, and of an interruption."""

from __future__ import annotations

import lightning as L
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.utilities import rank_zero_info

from camaug.training.checkpoints import INTERRUPTED

__all__ = ["RunCheckpoint"]


class RunCheckpoint(ModelCheckpoint):
    """Lightning's ``ModelCheckpoint``, with a ``last.ckpt`` of the last complete epoch.

    Lightning writes ``last.ckpt`` only in epochs that are among the best, so that a run that no longer improves would
    resume many epochs back. When a run is interrupted (``save_on_exception``), Lightning also overwrites the best and
    the last checkpoint with the current weights. Here these get a file of their own, ``interrupted.ckpt``, because a
    run resumed in the middle of an epoch differs from an uninterrupted one.

    Example:
        >>> checkpoint = RunCheckpoint(monitor="val/accuracy", mode="max", save_last=True)
        >>> trainer = L.Trainer(callbacks=[checkpoint], logger=False, accelerator="cpu")
    """

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Save after an epoch without validation."""
        super().on_train_epoch_end(trainer, pl_module)
        if self._should_save_on_train_epoch_end(trainer):
            self._save_last(trainer)

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Save after an epoch's validation."""
        super().on_validation_end(trainer, pl_module)
        if not self._should_save_on_train_epoch_end(trainer):
            self._save_last(trainer)

    def on_exception(self, trainer: L.Trainer, pl_module: L.LightningModule, exception: BaseException) -> None:
        """Save the interrupted state beside the other checkpoints."""
        if not self._should_save_on_exception(trainer):
            return
        path = self.format_checkpoint_name(self._monitor_candidates(trainer), INTERRUPTED.removesuffix(".ckpt"))
        trainer.save_checkpoint(path, self.save_weights_only)
        resumes = (
            "continues after the last complete epoch" if self.last_model_path else "starts over, with no epoch complete"
        )
        rank_zero_info(
            f"interrupted by {type(exception).__name__} after step {trainer.global_step}. With --ckpt_path last the "
            f"same command {resumes}. With --ckpt_path {path} it continues in the middle of the epoch"
        )

    def _save_last(self, trainer: L.Trainer) -> None:
        if not self._should_skip_saving_checkpoint(trainer):  # as Lightning skips a step that is saved already
            self._save_last_checkpoint(trainer, self._monitor_candidates(trainer))
