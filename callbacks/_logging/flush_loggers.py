"""Logged values on their way to the disk."""

from __future__ import annotations

import lightning as L
from lightning.pytorch.loggers import Logger

from .each_logger import EachLogger
from .tensorboard_writer import tensorboard_writer

__all__ = ["flush_loggers"]


def flush_loggers(trainer: L.Trainer, each_logger: EachLogger) -> None:
    """Write to the disk what TensorBoard's loggers hold in memory.

    Args:
        trainer: The Trainer.
        each_logger: Calls with each logger, which turn a failure into a warning.
    """
    if trainer.is_global_zero:
        each_logger(trainer, trainer.loggers, _flush)


def _flush(logger: Logger) -> None:
    writer = tensorboard_writer(logger)
    if writer is not None:
        writer.flush()
