"""Comparison of a snapshot with the previous one."""

from __future__ import annotations

import math
from dataclasses import replace

from torch import Tensor

from camaug.functional.rank_correlation import rank_correlation
from camaug.metrics.drift import top_overlap
from camaug.metrics.trust import are_constant

from .snapshot import Snapshot

__all__ = ["with_drift"]


def with_drift(snapshot: Snapshot, previous: Tensor | None) -> Snapshot:
    """Return the snapshot with its drift and overlap since the previous one, NaN for maps that stay constant.

    Args:
        snapshot: The snapshot.
        previous: The true classes' maps (N, H, W) of the same images in the previous snapshot, or None in the first.
    """
    if previous is None:
        return snapshot
    maps = snapshot.true_maps
    is_unknown = are_constant(maps) & are_constant(previous)  # which would look like perfect stability
    drift, overlap = 1 - rank_correlation(maps, previous), top_overlap(maps, previous)
    return replace(
        snapshot, drift=drift.masked_fill(is_unknown, math.nan), overlap=overlap.masked_fill(is_unknown, math.nan)
    )
