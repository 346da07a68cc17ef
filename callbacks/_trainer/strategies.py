"""Which ways of distributing a model the callbacks work with."""

from __future__ import annotations

import lightning as L
from lightning.pytorch.strategies import DeepSpeedStrategy, FSDPStrategy, ModelParallelStrategy

__all__ = ["refuse_fsdp2", "refuse_sharded"]

INSTEAD = "use strategy='ddp', or FSDP2 (ModelParallelStrategy with fully_shard), or leave the callback out"


def refuse_sharded(trainer: L.Trainer, callback: L.Callback) -> None:
    """Raise where the whole model cannot be put together for a look; FSDP2 can.

    Raises:
        ValueError: If the trainer's strategy shards the model in another way.
    """
    strategy, name = trainer.strategy, type(callback).__name__
    if isinstance(strategy, FSDPStrategy):
        raise ValueError(
            f"{name} needs the whole model for a look, and {type(strategy).__name__} flattens the weights of many "
            f"layers into one tensor that no layer can be asked about: {INSTEAD}"
        )
    if isinstance(strategy, DeepSpeedStrategy):
        raise ValueError(
            f"{name} needs the whole model for a look, and {type(strategy).__name__} keeps the weights in an engine of "
            f"its own: {INSTEAD}"
        )
    if isinstance(strategy, ModelParallelStrategy) and strategy.device_mesh["tensor_parallel"].size() > 1:
        raise ValueError(
            f"{name} needs whole layers for a look, and {type(strategy).__name__}(tensor_parallel_size="
            f"{strategy.device_mesh['tensor_parallel'].size()}) splits them: give tensor_parallel_size=1 and "
            "data_parallel_size=the number of processes, or leave the callback out"
        )


def refuse_fsdp2(trainer: L.Trainer, callback: L.Callback) -> None:
    """Raise where processes that do not always look together share one model.

    Raises:
        ValueError: If the trainer's strategy shards the model by FSDP2.
    """
    if isinstance(trainer.strategy, ModelParallelStrategy):
        raise ValueError(
            f"{type(callback).__name__} looks at as many batches as a process has, which may differ, and "
            f"{type(trainer.strategy).__name__} needs all processes for each look: use strategy='ddp' or one device"
        )
