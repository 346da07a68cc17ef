"""Common part of all records of a snapshot in an event file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import lightning as L

from camaug.explainers import Explainer
from camaug.explainers.provenance import settings_line
from camaug.inspection.unwrap import unwrap

from .moment import Moment

__all__ = ["snapshot_header"]


def snapshot_header(
    moment: Moment, explainer: Explainer, pl_module: L.LightningModule, layers: Sequence[str]
) -> dict[str, Any]:
    """Return ``epoch``, ``step``, ``method``, ``settings`` and ``layer`` of a snapshot as JSON types."""
    return {
        "epoch": moment.epoch,
        "step": moment.step,
        "method": explainer.name,
        "settings": settings_line(explainer, unwrap(pl_module)),
        "layer": ", ".join(layers),
    }
