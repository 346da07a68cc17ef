"""Isolation of a refresh from the training run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import lightning as L
import torch

from camaug.inspection.sharded_weights import whole_weights
from camaug.utils.preserved_random_state import preserved_random_state

__all__ = ["isolated_refresh"]


@contextmanager
def isolated_refresh(pl_module: L.LightningModule, world_size: int) -> Iterator[None]:
    """Inside the block, use fixed seeds, whole weights and rank zero's buffers, and restore all of them afterwards.

    Every refresh draws the same random numbers. The buffers (batch-norm statistics) differ between processes, and a
    checkpoint keeps those of rank zero.
    """
    with preserved_random_state(seed=0), whole_weights(pl_module), _buffers_of_rank_zero(pl_module, world_size):
        yield


@contextmanager
def _buffers_of_rank_zero(pl_module: L.LightningModule, world_size: int) -> Iterator[None]:
    if world_size == 1:
        yield
        return
    with torch.no_grad():
        kept = [(buffer, buffer.clone()) for buffer in pl_module.buffers()]
        for buffer, _ in kept:
            torch.distributed.broadcast(buffer, src=0)
        try:
            yield
        finally:
            for buffer, own in kept:
                buffer.copy_(own)
