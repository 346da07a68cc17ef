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
from camaug.tensorboard.blobs import CLASSES, FORMAT, ORIGINAL, RECORDS, SNAPSHOTS, BlobTag, add_blob, to_json
from camaug.tensorboard.map_compression import compress_maps
from camaug.tensorboard.probe_blob import ClassMap, ProbeBlob

from .snapshot import Snapshot
from .snapshot_warnings import find_warnings
from .trust_warnings import MEASURED, trust_warning

__all__ = ["snapshot_record", "write_originals", "write_strip"]

OF_ALL_IMAGES = ("ids", "labels", "metrics", "multi_label", "warnings")  # what no record of a single image holds
TOP_CLASSES = 5
LISTED_FALSE_POSITIVES = 20
ORIGINAL_QUALITY = 90
ORIGINAL_SIDE = 448  # pixels


def snapshot_record(snapshot: Snapshot, metrics: Mapping[str, float]) -> dict[str, Any]:
    """Convert the predictions of N images and the metrics of a snapshot to JSON types, without the maps.

    Args:
        snapshot: Snapshot of N images.
        metrics: Scalars, shown as curves.

    Returns:
        Lists of N values, None where a value is unknown: ``ids``; ``labels``, the classes of each image, none
        where it is unlabelled; ``predicted``; ``correct``; ``confidence`` in the predicted class;
        ``true_confidences``, one for each of its labels; ``drift`` of the true class's map; ``object_energy``, the
        share of its energy on the object; ``warning``, why the heatmap is untrustworthy, or an empty string; and
        ``top_classes``, the five most probable classes with their probabilities.

        If the classes do not exclude each other (``multi_label``), also ``missed``, the labels with a probability below
        0.5; ``false_positives``, up to 20 other classes with at least 0.5, and their probabilities; and
        ``false_positive_count``, the number of all of these.

        ``warnings`` holds the sentences about the snapshot as a whole
        (:func:`callbacks._logging.snapshot_warnings.find_warnings`), and ``metrics`` the finite metrics.
    """
    indices = range(len(snapshot.maps))
    predicted = snapshot.predicted.tolist()
    labels = [list(snapshot.classes(index)) for index in indices]
    return {
        "ids": list(snapshot.indices),
        "labels": labels,
        "predicted": predicted,
        "correct": [snapshot.is_correct(index) if labels[index] else None for index in indices],
        "confidence": [_finite_or_none(snapshot.probabilities[index, predicted[index]]) for index in indices],
        "true_confidences": [
            [_finite_or_none(snapshot.probabilities[index, label]) for label in labels[index]] for index in indices
        ],
        "drift": [None] * len(indices) if snapshot.drift is None else list(map(_finite_or_none, snapshot.drift)),
        "object_energy": _object_energy(snapshot),
        "warning": [_warning(snapshot, index) for index in indices],
        "top_classes": [_top_classes(probabilities) for probabilities in snapshot.probabilities],
        "warnings": [warning.record(snapshot) for warning in find_warnings(snapshot)],
        "multi_label": snapshot.has_several,
        **(_label_errors(snapshot) if snapshot.has_several else {}),
        "metrics": {name: _finite_or_none(value) for name, value in metrics.items() if math.isfinite(value)},
    }


def _warning(snapshot: Snapshot, index: int) -> str:
    reason = trust_warning(snapshot, index)
    return f"{reason}: {MEASURED[reason]}" if reason else ""


def write_strip(
    writer: SummaryWriter,
    snapshot: Snapshot,
    prefix: str,
    method: str,
    record: Mapping[str, Any],
    common: Mapping[str, Any],
) -> None:
    """Write a snapshot to an event file, at its global step.

    Args:
        writer: Event-file writer.
        snapshot: The snapshot.
        prefix: First part of the tags.
        method: Name of the explainer.
        record: Record of the snapshot (:func:`snapshot_record`).
        common: Values that all images share: ``epoch``, ``step``, ``method``, ``settings``, ``layer``.
    """
    class_maps = [snapshot.class_maps(position) for position in range(len(snapshot.maps))]
    maps = torch.stack([map_ for maps_of_image in class_maps for map_ in maps_of_image.values()])
    stored = iter(compress_maps(maps, snapshot.grid))  # compressed together, so that their sizes agree
    fields = {name: values for name, values in record.items() if name not in OF_ALL_IMAGES}
    step = common["step"]
    for position, (index, labels) in enumerate(zip(snapshot.indices, record["labels"], strict=True)):
        image_record = {**common, "id": index, "labels": labels}
        image_record |= {name: values[position] for name, values in fields.items()}
        blob = ProbeBlob(image_record, tuple(ClassMap(each, next(stored)) for each in class_maps[position]))
        add_blob(writer, BlobTag(prefix, method, str(index)), blob.to_bytes(), step)
    add_blob(writer, BlobTag(prefix, method, RECORDS), to_json({"format": FORMAT, **common, **record}), step)
    # Written last, so that a reader who finds it also finds the maps.
    add_blob(writer, BlobTag(prefix, method, SNAPSHOTS), to_json({"format": FORMAT, **common}), step)


def write_originals(
    writer: SummaryWriter, snapshot: Snapshot, prefix: str, method: str, classes: Sequence[str] | None, step: int
) -> None:
    """Write what stays the same in every snapshot: the probe images and the class names."""
    for index, image in zip(snapshot.indices, snapshot.images, strict=True):
        original = jpeg_bytes(image, ORIGINAL_QUALITY, ORIGINAL_SIDE)
        add_blob(writer, BlobTag(prefix, ORIGINAL, str(index)), original, step)
    names = None if classes is None else list(classes)
    add_blob(writer, BlobTag(prefix, method, CLASSES), to_json({"format": FORMAT, "classes": names}), step)


def _object_energy(snapshot: Snapshot) -> list[float | None]:
    if snapshot.masks is None:
        return [None] * len(snapshot.maps)
    shares = energy_in_mask(snapshot.true_maps, snapshot.masks)
    return [_finite_or_none(share) if mask.any() else None for share, mask in zip(shares, snapshot.masks, strict=True)]


def _label_errors(snapshot: Snapshot) -> dict[str, list[Any]]:
    every = [snapshot.false_positives(index) for index in range(len(snapshot.maps))]
    return {
        "missed": [snapshot.missed(index) for index in range(len(snapshot.maps))],
        "false_positives": [
            [[each, _finite_or_none(row[each])] for each in classes[:LISTED_FALSE_POSITIVES]]
            for classes, row in zip(every, snapshot.probabilities, strict=True)
        ],
        "false_positive_count": list(map(len, every)),
    }


def _top_classes(probabilities: Tensor) -> list[list[int | float | None]]:
    classes = torch.topk(probabilities.nan_to_num(0), min(TOP_CLASSES, len(probabilities))).indices.tolist()
    return [[index, _finite_or_none(probabilities[index])] for index in classes]


def _finite_or_none(value: Tensor | float) -> float | None:
    """Return the value to six decimals, or None if it is not finite, which JSON cannot express."""
    return round(float(value), 6) if math.isfinite(value) else None
