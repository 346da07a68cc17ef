"""The checkpoints of a run: its best epoch's, its last one's, and that of where it was interrupted."""

from __future__ import annotations

import lightning as L
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.utilities import rank_zero_info

from camaug.training.checkpoints import INTERRUPTED

__all__ = ["RunCheckpoint"]


class RunCheckpoint(ModelCheckpoint):
    """Lightning's ``ModelCheckpoint``, whose ``last.ckpt`` is that of the last whole epoch.

    Lightning's own is written only in epochs that are among the best, so that a run that has stopped improving would be
    resumed far behind where it was. And where a run is interrupted (``save_on_exception``) Lightning writes the weights
    of the moment over the best and the last ones; here they get a file of their own, ``interrupted.ckpt``, since what
    is resumed from the middle of an epoch is not the uninterrupted run.

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

    def on_exception(self, trainer: L.Trainer, pl_module: L.LightningModule, exception: BaseException) -> None:
        """Save where it was interrupted, beside the others."""
        if not self._should_save_on_exception(trainer):
            return
        path = self.format_checkpoint_name(self._monitor_candidates(trainer), INTERRUPTED.removesuffix(".ckpt"))
        trainer.save_checkpoint(path, self.save_weights_only)
        whole = (
            "goes on after the last whole epoch" if self.last_model_path else "begins anew, since no epoch was whole"
        )
        rank_zero_info(
            f"interrupted by {type(exception).__name__} after step {trainer.global_step}. With --ckpt_path last the "
            f"same command {whole}; in the middle of the epoch it goes on with --ckpt_path {path}"
        )

    def _keep_last(self, trainer: L.Trainer) -> None:
        if not self._should_skip_saving_checkpoint(trainer):  # which it does not where this step has been saved
            self._save_last_checkpoint(trainer, self._monitor_candidates(trainer))
