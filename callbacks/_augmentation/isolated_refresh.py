"""Isolation of a refresh from the training run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import lightning as L
import torch
from torch import Tensor

from camaug.inspection.sharded_weights import whole_weights
from camaug.utils.own_generators import preserved_own_generators
from camaug.utils.preserved_random_state import preserved_random_state

__all__ = ["isolated_refresh"]


@contextmanager
def isolated_refresh(trainer: L.Trainer, pl_module: L.LightningModule, dataset: Any) -> Iterator[None]:
    """Inside the block, use fixed seeds, whole weights and rank zero's buffers, and restore all of them afterwards.

    The data set's own generators are restored, too. Every refresh draws the same random numbers of the process. The
    buffers (batch-norm statistics) differ between processes, and a checkpoint keeps those of rank zero.
    """
    with (
        preserved_random_state(seed=0),
        preserved_own_generators(dataset),
        whole_weights(pl_module),
        _buffers_of_rank_zero(trainer, pl_module),
    ):
        yield


@contextmanager
def _buffers_of_rank_zero(trainer: L.Trainer, pl_module: L.LightningModule) -> Iterator[None]:
    buffers = list(pl_module.buffers()) if trainer.world_size > 1 else []
    own = [buffer.detach().clone() for buffer in buffers]
    # One message of any types, sizes and devices, where NCCL would refuse tensors of the CPU or with gaps.
    message = [buffer.detach().cpu() for buffer in buffers] if trainer.is_global_zero else []
    _copy(trainer.strategy.broadcast(message) if buffers else [], buffers)
    try:
        yield
    finally:
        _copy(own, buffers)


@torch.no_grad()
def _copy(values: Sequence[Tensor], buffers: Sequence[Tensor]) -> None:
    for value, buffer in zip(values, buffers, strict=True):
        buffer.copy_(value)
