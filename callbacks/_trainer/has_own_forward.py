"""Test of whether a module defines ``forward``."""

from __future__ import annotations

import lightning as L

__all__ = ["has_own_forward"]

LIBRARIES = {"lightning", "pytorch_lightning", "torch"}


def has_own_forward(pl_module: L.LightningModule) -> bool:
    """Return True if a module defines ``forward`` itself."""
    owner = next(cls for cls in type(pl_module).__mro__ if "forward" in vars(cls))
    return "forward" in vars(pl_module) or owner.__module__.split(".")[0] not in LIBRARIES
