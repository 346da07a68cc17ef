"""Waiting for rank zero that an error on one process alone does not turn into a hang."""

from __future__ import annotations

import warnings
from datetime import timedelta

import lightning as L
import torch.distributed as dist

__all__ = ["wait_briefly"]

LONGEST = timedelta(seconds=60)


def wait_briefly(trainer: L.Trainer) -> None:
    """Wait for rank zero to come to the same point, for a minute at most. Rank zero waits for no one.

    Args:
        trainer: The trainer of a run that ends with an exception. The process group may be unusable afterwards.
    """
    if trainer.world_size == 1 or not (dist.is_available() and dist.is_initialized()):
        return
    device = trainer.strategy.root_device
    barrier = dist.barrier(async_op=True, device_ids=[device.index] if dist.get_backend() == "nccl" else None)
    if trainer.is_global_zero or barrier is None:
        return
    try:
        barrier.wait(LONGEST)
    except RuntimeError as error:  # of whatever kind the backend's time-out is
        cause = str(error).splitlines()[0]
        warnings.warn(f"process {trainer.global_rank} ends without waiting for the others ({cause})", stacklevel=2)
