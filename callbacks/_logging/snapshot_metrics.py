"""Scalars that summarise a snapshot."""

from __future__ import annotations

import torch
from torch import Tensor

from camaug.metrics import EnergyInMask, border_energy, centre_bias
from camaug.metrics.trust import are_constant

from .snapshot import Snapshot
from .warn_of_position_bias import snapshot_position_bias

__all__ = ["snapshot_metrics"]


def snapshot_metrics(snapshot: Snapshot) -> dict[str, float]:
    """Average the metrics of a snapshot over its images.

    Args:
        snapshot: The snapshot.

    Returns:
        ``constant_maps``, the share of maps without evidence, ``centre_bias`` and ``border_energy``; where they are
        known, ``class_similarity`` and ``head_similarity`` (:class:`camaug.metrics.Trust`), ``confidence`` in the true
        class or classes, ``drift`` and ``overlap`` of the maps that do not stay constant
        (:class:`camaug.metrics.Drift`), ``position_bias`` of two images or more
        (:class:`camaug.metrics.PositionBias`), and ``object_energy`` and ``object_area`` of the images with an object
        (:class:`camaug.metrics.EnergyInMask`).
    """
    per_image = {
        "constant_maps": are_constant(snapshot.maps).float(),
        "centre_bias": centre_bias(snapshot.maps),
        "border_energy": border_energy(snapshot.maps),
        "class_similarity": snapshot.class_similarity,
        "head_similarity": snapshot.head_similarity,
        "confidence": _true_confidence(snapshot),
        "drift": _known(snapshot.drift),
        "overlap": _known(snapshot.overlap),
    }
    averages = {name: float(values.mean()) for name, values in per_image.items() if values is not None}
    return averages | _position_bias(snapshot) | _object_metrics(snapshot)


def _known(values: Tensor | None) -> Tensor | None:
    """Return the values that are known, or None without any."""
    known = None if values is None else values[~values.isnan()]
    return None if known is None or not len(known) else known


def _true_confidence(snapshot: Snapshot) -> Tensor | None:
    classes = [list(snapshot.classes(position)) for position in range(len(snapshot.maps))]
    known = [row[positives].mean() for row, positives in zip(snapshot.probabilities, classes, strict=True) if positives]
    return torch.stack(known) if known else None


def _position_bias(snapshot: Snapshot) -> dict[str, float]:
    metric = snapshot_position_bias(snapshot)
    return {} if metric is None else {name: float(value) for name, value in metric.compute().items()}


def _object_metrics(snapshot: Snapshot) -> dict[str, float]:
    if snapshot.masks is None:
        return {}
    has_object = snapshot.masks.flatten(1).any(dim=1)
    if not has_object.any():
        return {}
    # Metrics synchronise when they are computed. Only rank zero is here, and would wait for the others for ever.
    energy = EnergyInMask(sync_on_compute=False)
    energy.update(snapshot.true_maps[has_object], snapshot.masks[has_object])
    return {f"object_{name}": float(value) for name, value in energy.compute().items()}
