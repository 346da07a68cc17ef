"""The user's ``forward=`` argument, bound to a module."""

from __future__ import annotations

from collections.abc import Callable

import lightning as L
from torch import Tensor

__all__ = ["ModuleForward", "bind_forward"]

ModuleForward = Callable[[L.LightningModule, Tensor], Tensor]


def bind_forward(forward: ModuleForward | None, pl_module: L.LightningModule) -> Callable[[Tensor], Tensor] | None:
    """Return the function from images to logits, or None where the module's own forward is meant."""
    if forward is None:
        return None
    return lambda images: forward(pl_module, images)
