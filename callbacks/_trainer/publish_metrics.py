"""Metrics for the callbacks that monitor one."""

from __future__ import annotations

import math
from collections.abc import Mapping

import lightning as L
import torch

__all__ = ["publish_metrics"]


def publish_metrics(trainer: L.Trainer, metrics: Mapping[str, float]) -> None:
    """Add metrics to ``trainer.callback_metrics``, which ``EarlyStopping`` and ``ModelCheckpoint`` read.

    Values that are not finite are left out, because ``EarlyStopping`` ends a training run at the first one. Every
    process of a distributed run must publish the same values.

    Args:
        trainer: The Trainer.
        metrics: Values by name.
    """
    # Not through the property, which computes metrics that the module may still update.
    known = trainer._logger_connector._callback_metrics
    known.update({name: torch.tensor(value, device="cpu") for name, value in metrics.items() if math.isfinite(value)})
