"""Destruction of the process group that a training run creates."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch.distributed as dist

__all__ = ["own_process_group"]


@contextmanager
def own_process_group() -> Iterator[None]:
    """Destroy the process group that is created inside the block, also after an error.

    Lightning destroys no group of gloo, whose threads then sometimes abort the process at exit. A group that exists
    before the block stays.
    """
    existed = _exists()
    try:
        yield
    finally:
        if _exists() and not existed:
            dist.destroy_process_group()


def _exists() -> bool:
    return dist.is_available() and dist.is_initialized()
