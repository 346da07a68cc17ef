"""Checks of the Trainer's strategy."""

from __future__ import annotations

from typing import Any

import lightning as L

__all__ = ["refuse_fsdp2", "refuse_sharded", "saves_together", "sharding_problem"]

SHARDED = ("FSDPStrategy", "DeepSpeedStrategy", "ModelParallelStrategy")
INSTEAD = "use strategy='ddp', or FSDP2 (ModelParallelStrategy with fully_shard), or leave the callback out"


def refuse_sharded(trainer: L.Trainer, callback: L.Callback) -> None:
    """Raise if explaining cannot gather the whole model, as it can under FSDP2.

    Raises:
        ValueError: If the trainer's strategy shards the model in another way.
    """
    problem = sharding_problem(trainer, callback)
    if problem:
        raise ValueError(problem)


def sharding_problem(trainer: L.Trainer, callback: L.Callback) -> str:
    """Return why explaining cannot gather the whole model, and what to do, or an empty string if it can."""
    strategy: Any = trainer.strategy
    name = type(callback).__name__
    if _is_a(strategy, "FSDPStrategy"):
        return (
            f"{name} needs the whole model to explain images, and {type(strategy).__name__} flattens the weights "
            f"of many layers into one tensor: {INSTEAD}"
        )
    if _is_a(strategy, "DeepSpeedStrategy"):
        return (
            f"{name} needs the whole model to explain images, and {type(strategy).__name__} keeps the "
            f"weights in an engine of its own: {INSTEAD}"
        )
    if _is_a(strategy, "ModelParallelStrategy") and (size := strategy.device_mesh["tensor_parallel"].size()) > 1:
        return (
            f"{name} needs whole layers to explain images, and {type(strategy).__name__}(tensor_parallel_size="
            f"{size}) splits them: give tensor_parallel_size=1 and "
            "data_parallel_size=the number of processes, or leave the callback out"
        )
    return ""


def refuse_fsdp2(trainer: L.Trainer, callback: L.Callback) -> None:
    """Raise under FSDP2, for callbacks whose processes do not all explain at the same time.

    Raises:
        ValueError: If the trainer's strategy shards the model by FSDP2.
    """
    if _is_a(trainer.strategy, "ModelParallelStrategy"):
        raise ValueError(
            f"{type(callback).__name__} explains the batches of each process, whose numbers may differ, and "
            f"{type(trainer.strategy).__name__} needs all processes for each explanation: use strategy='ddp' or one "
            "device"
        )


def saves_together(trainer: L.Trainer) -> bool:
    """Return True if a checkpoint is gathered from several processes, which must then all save it."""
    is_sharded = any(_is_a(trainer.strategy, name) for name in SHARDED)
    return trainer.world_size > 1 and (is_sharded or any(map(_is_sharded_optimiser, trainer.optimizers)))


def _is_sharded_optimiser(optimiser: Any) -> bool:
    return hasattr(optimiser, "consolidate_state_dict")  # as PyTorch's ZeroRedundancyOptimizer


def _is_a(strategy: Any, name: str) -> bool:
    """Return True for a strategy of ``lightning`` and of ``pytorch_lightning``, whose classes are different ones."""
    return any(parent.__name__ == name for parent in type(strategy).__mro__)
