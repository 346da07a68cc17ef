"""Blobs of a snapshot, from which the camaug tab of TensorBoard draws its film strip."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter

from camaug.images.writing import jpeg_bytes
from camaug.metrics.energy_in_mask import energy_in_mask
from camaug.tensorboard.blobs import CLASSES, FORMAT, ORIGINAL, SNAPSHOTS, BlobTag, add_blob, to_json
from camaug.tensorboard.map_compression import compress_maps
from camaug.tensorboard.probe_blob import ProbeBlob

from .snapshot import Snapshot
from .trust_warnings import trust_warning

__all__ = ["snapshot_record", "write_originals", "write_strip"]

TOP_CLASSES = 5
ORIGINAL_QUALITY = 90
ORIGINAL_SIDE = 448  # pixels


def snapshot_record(snapshot: Snapshot, metrics: Mapping[str, float]) -> dict[str, Any]:
    """Convert the predictions of N images and the epoch's metrics to JSON types, without the maps.

    Args:
        snapshot: Snapshot of N images.
        metrics: Scalars of the epoch, shown as curves.

    Returns:
        Lists of N values, None where a value is unknown: ``ids``; ``labels``; ``predicted``; ``confidence`` in the
        predicted class; ``true_confidence``; ``drift`` of the true class's map; ``object_energy``, the share of its
        energy on the object; ``warning``, why the heatmap is untrustworthy, or an empty string; and ``top_classes``,
        the five most probable classes with their probabilities. ``metrics`` holds the finite metrics.
    """
    indices = range(len(snapshot.maps))
    predicted = snapshot.predicted.tolist()
    return {
        "ids": list(snapshot.indices),
        "labels": list(snapshot.labels),
        "predicted": predicted,
        "confidence": [_finite_or_none(snapshot.probabilities[index, predicted[index]]) for index in indices],
        "true_confidence": [
            None if label is None else _finite_or_none(snapshot.probabilities[index, label])
            for index, label in enumerate(snapshot.labels)
        ],
        "drift": [None] * len(indices) if snapshot.drift is None else list(map(_finite_or_none, snapshot.drift)),
        "object_energy": _object_energy(snapshot),
        "warning": [trust_warning(snapshot, index) for index in indices],
        "top_classes": [_top_classes(probabilities) for probabilities in snapshot.probabilities],
        "metrics": {name: _finite_or_none(value) for name, value in metrics.items() if math.isfinite(value)},
    }


def write_strip(
    writer: SummaryWriter,
    snapshot: Snapshot,
    prefix: str,
    method: str,
    record: Mapping[str, Any],
    common: Mapping[str, Any],
) -> None:
    """Write one epoch of the film strip to an event file.

    Args:
        writer: Event-file writer.
        snapshot: Snapshot of this epoch.
        prefix: First part of the tags.
        method: Name of the explainer.
        record: Record of the snapshot (:func:`snapshot_record`).
        common: Values that all images share: ``epoch``, ``step``, ``method``, ``settings``, ``layer``.
    """
    count = len(snapshot.maps)
    maps = torch.cat([snapshot.maps, snapshot.true_maps])  # compressed together, so that their sizes agree
    stored = compress_maps(maps, snapshot.grid)
    predicted_maps, true_maps = stored[:count], stored[count:]
    fields = {name: values for name, values in record.items() if name not in ("ids", "labels", "metrics")}
    for position, (index, label) in enumerate(zip(snapshot.indices, snapshot.labels, strict=True)):
        image_record = {**common, "id": index, "label": label}
        image_record |= {name: values[position] for name, values in fields.items()}
        is_wrong = label not in (None, image_record["predicted"])
        blob = ProbeBlob(image_record, predicted_maps[position], true_maps[position] if is_wrong else None)
        add_blob(writer, BlobTag(prefix, method, str(index)), blob.to_bytes(), common["epoch"])
    epoch_record = to_json({"format": FORMAT, **common, **record})
    # Written last, so that a reader who finds it also finds the maps.
    add_blob(writer, BlobTag(prefix, method, SNAPSHOTS), epoch_record, common["epoch"])


def write_originals(
    writer: SummaryWriter, snapshot: Snapshot, prefix: str, method: str, classes: Sequence[str] | None, epoch: int
) -> None:
    """Write what stays the same in every epoch: the probe images and the class names."""
    for index, image in zip(snapshot.indices, snapshot.images, strict=True):
        original = jpeg_bytes(image, ORIGINAL_QUALITY, ORIGINAL_SIDE)
        add_blob(writer, BlobTag(prefix, ORIGINAL, str(index)), original, epoch)
    names = None if classes is None else list(classes)
    add_blob(writer, BlobTag(prefix, method, CLASSES), to_json({"format": FORMAT, "classes": names}), epoch)


def _object_energy(snapshot: Snapshot) -> list[float | None]:
    if snapshot.masks is None:
        return [None] * len(snapshot.maps)
    shares = energy_in_mask(snapshot.true_maps, snapshot.masks)
    return [_finite_or_none(share) if mask.any() else None for share, mask in zip(shares, snapshot.masks, strict=True)]


def _top_classes(probabilities: Tensor) -> list[list[int | float | None]]:
    classes = torch.topk(probabilities.nan_to_num(0), min(TOP_CLASSES, len(probabilities))).indices.tolist()
    return [[index, _finite_or_none(probabilities[index])] for index in classes]


def _finite_or_none(value: Tensor | float) -> float | None:
    """Return the value to six decimals, or None if it is not finite, which JSON cannot express."""
    return round(float(value), 6) if math.isfinite(value) else None
