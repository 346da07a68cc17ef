"""Step at which Lightning logs."""

from __future__ import annotations

import lightning as L

__all__ = ["logging_step"]


def logging_step(trainer: L.Trainer, *, epoch_has_ended: bool = False) -> int:
    """Return the step at which Lightning itself would log at this moment, so that no logger sees a step go back.

    It is the index of the batch, counting only batches after which an optimiser steps. ``trainer.global_step`` counts
    the steps of every optimiser.

    Args:
        trainer: The Trainer.
        epoch_has_ended: True in ``on_train_epoch_end`` and ``on_train_end``, when Lightning has counted on already.
    """
    steps = trainer.fit_loop.epoch_loop._batches_that_stepped
    return max(steps - 1, 0) if epoch_has_ended else steps
