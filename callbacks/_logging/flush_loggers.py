"""Logged values on their way to the disk."""

from __future__ import annotations

import lightning as L
from lightning.pytorch.loggers import Logger

from .call_loggers import call_loggers
from .tensorboard_writer import tensorboard_writer

__all__ = ["flush_loggers"]


def flush_loggers(trainer: L.Trainer) -> None:
    """Write to the disk what TensorBoard's loggers hold in memory. A failure is a warning."""
    if trainer.is_global_zero:
        call_loggers(trainer, _flush)


def _flush(logger: Logger) -> None:
    writer = tensorboard_writer(logger)
    if writer is not None:
        writer.flush()
