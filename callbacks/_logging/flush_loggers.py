"""Logged values on their way to the disk."""

from __future__ import annotations

import lightning as L

from .tensorboard_writer import tensorboard_writer
from .warn_once import WarnOnce

__all__ = ["flush_loggers"]


def flush_loggers(trainer: L.Trainer, warn_once: WarnOnce) -> None:
    """Write to the disk what TensorBoard's loggers hold in memory.

    Args:
        trainer: The Trainer.
        warn_once: Warnings of the callback, which get a failure.
    """
    if not trainer.is_global_zero:
        return
    with warn_once.instead_of_error(trainer, "could not write what is logged to the disk"):
        for logger in trainer.loggers:
            writer = tensorboard_writer(logger)
            if writer is not None:
                writer.flush()
