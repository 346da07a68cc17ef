"""Checkpoints of a training run: of its best and last epochs, and of an interruption."""

from __future__ import annotations

import time
import warnings
from contextlib import nullcontext
from pathlib import Path

import lightning as L
from lightning.fabric.plugins import TorchCheckpointIO
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.utilities import rank_zero_info
from lightning.pytorch.utilities.exceptions import SIGTERMException

from camaug.training.checkpoints import INTERRUPTED
from camaug.training.whole_checkpoint_io import WholeCheckpointIO
from camaug.utils.replaced_attribute import replaced_attribute
from camaug.utils.wait_until import wait_until

from ._trainer.strategies import saves_together

__all__ = ["RunCheckpoint"]

LONGEST_WAIT = 60.0  # seconds


class RunCheckpoint(ModelCheckpoint):
    """Lightning's ``ModelCheckpoint``, with a ``last.ckpt`` of the last complete epoch.

    Lightning writes ``last.ckpt`` only in epochs that are among the best, so that a run that no longer improves would
    resume many epochs back. When a run is interrupted (``save_on_exception``), Lightning also overwrites the best and
    the last checkpoint with the current weights. Here these get a file of their own, ``interrupted.ckpt``, because a
    run resumed in the middle of an epoch differs from an uninterrupted one. An error on one of several processes does
    not make it wait for the others, which never come to the same point.

    Files appear whole or not at all, on any disk, unless the Trainer has a checkpoint plugin of its own
    (:class:`camaug.training.whole_checkpoint_io.WholeCheckpointIO`).

    Example:
        >>> checkpoint = RunCheckpoint(monitor="val/accuracy", mode="max", save_last=True)
        >>> trainer = L.Trainer(callbacks=[checkpoint], logger=False, accelerator="cpu")
    """

    def setup(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        """Find the folder, and replace Lightning's own way of writing files."""
        super().setup(trainer, pl_module, stage)
        if type(trainer.strategy.checkpoint_io) is TorchCheckpointIO:
            trainer.strategy.checkpoint_io = WholeCheckpointIO()

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
        """Save the interrupted state beside the other checkpoints, without waiting long for other processes."""
        if not self._should_save_on_exception(trainer):
            return
        reaches_all = isinstance(exception, SIGTERMException)  # which Lightning raises on every process
        if saves_together(trainer) and not reaches_all:
            warnings.warn(
                f"interrupted by {type(exception).__name__}, and no checkpoint of this step is saved, because the "
                "processes that share the model's or the optimiser's state may not all be interrupted",
                stacklevel=2,
            )
            return
        path = self.format_checkpoint_name({}, INTERRUPTED.removesuffix(".ckpt"))
        with nullcontext() if reaches_all else replaced_attribute(trainer.strategy, "barrier", lambda *_: None):
            trainer.save_checkpoint(path, self.save_weights_only)
        if not (reaches_all or trainer.is_global_zero or "://" in path):
            # A launcher ends all processes soon after the first one, so give rank zero the time to save.
            warnings.warn(
                f"process {trainer.global_rank} ends with {type(exception).__name__}: {exception}. It gives rank zero "
                f"{LONGEST_WAIT:g} s to save a checkpoint",
                stacklevel=2,
            )
            since = time.time() - LONGEST_WAIT
            wait_until(lambda: _is_written_since(Path(path), since), longest=LONGEST_WAIT)
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


def _is_written_since(path: Path, moment: float) -> bool:
    return path.is_file() and path.stat().st_mtime >= moment
