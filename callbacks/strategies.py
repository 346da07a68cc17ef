"""Which ways of distributing a model the callbacks work with."""

from __future__ import annotations

import lightning as L
from lightning.pytorch.strategies import DeepSpeedStrategy, FSDPStrategy, ModelParallelStrategy

__all__ = ["refuse_sharded"]


def refuse_sharded(trainer: L.Trainer, callback: L.Callback) -> None:
    """Raise where no process holds the whole model.

    Raises:
        ValueError: If the trainer's strategy shards the model.
    """
    if isinstance(trainer.strategy, FSDPStrategy | ModelParallelStrategy | DeepSpeedStrategy):
        raise ValueError(
            f"{type(callback).__name__} needs the whole model on every process, and {type(trainer.strategy).__name__} "
            "shards it: use strategy='ddp', or leave the callback out"
        )
