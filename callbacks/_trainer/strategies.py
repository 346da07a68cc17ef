"""Checks of the Trainer's strategy."""

from __future__ import annotations

import lightning as L
from lightning.pytorch.strategies import DeepSpeedStrategy, FSDPStrategy, ModelParallelStrategy

__all__ = ["refuse_fsdp2", "refuse_sharded"]

INSTEAD = "use strategy='ddp', or FSDP2 (ModelParallelStrategy with fully_shard), or leave the callback out"


def refuse_sharded(trainer: L.Trainer, callback: L.Callback) -> None:
    """Raise if explaining cannot gather the whole model, as it can under FSDP2.

    Raises:
        ValueError: If the trainer's strategy shards the model in another way.
    """
    strategy, name = trainer.strategy, type(callback).__name__
    if isinstance(strategy, FSDPStrategy):
        raise ValueError(
            f"{name} needs the whole model to explain images, and {type(strategy).__name__} flattens the weights "
            f"of many layers into one tensor: {INSTEAD}"
        )
    if isinstance(strategy, DeepSpeedStrategy):
        raise ValueError(
            f"{name} needs the whole model to explain images, and {type(strategy).__name__} keeps the "
            f"weights in an engine of its own: {INSTEAD}"
        )
    if isinstance(strategy, ModelParallelStrategy) and strategy.device_mesh["tensor_parallel"].size() > 1:
        raise ValueError(
            f"{name} needs whole layers to explain images, and {type(strategy).__name__}(tensor_parallel_size="
            f"{strategy.device_mesh['tensor_parallel'].size()}) splits them: give tensor_parallel_size=1 and "
            "data_parallel_size=the number of processes, or leave the callback out"
        )


def refuse_fsdp2(trainer: L.Trainer, callback: L.Callback) -> None:
    """Raise under FSDP2, for callbacks whose processes do not all explain at the same time.

    Raises:
        ValueError: If the trainer's strategy shards the model by FSDP2.
    """
    if isinstance(trainer.strategy, ModelParallelStrategy):
        raise ValueError(
            f"{type(callback).__name__} explains the batches of each process, whose numbers may differ, and "
            f"{type(trainer.strategy).__name__} needs all processes for each explanation: use strategy='ddp' or one "
            "device"
        )
