"""A look as the blobs that the camaug tab of TensorBoard shows: its film strip."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter

from camaug.images.writing import jpeg_bytes
from camaug.metrics.energy_in_mask import energy_in_mask
from camaug.tensorboard.blobs import CLASSES, FORMAT, LOOKS, ORIGINAL, BlobTag, add_blob, to_json
from camaug.tensorboard.compact import compact
from camaug.tensorboard.probe_blob import ProbeBlob

from .snapshot import Snapshot
from .trust_warnings import trust_warning

__all__ = ["snapshot_record", "write_originals", "write_strip"]

TOP = 5  # classes
ORIGINAL_QUALITY = 90
ORIGINAL_SIDE = 448  # pixels


def snapshot_record(snapshot: Snapshot, figures: Mapping[str, float]) -> dict[str, Any]:
    """All that was found of N images but the maps, in JSON's types.

    Args:
        snapshot: The look.
        figures: What is shown as curves beside the images.

    Returns:
        ``ids``, ``labels``, ``predicted``, ``confidence`` in the predicted class, ``true_confidence``, ``drift`` of the
        true class's map, ``object_energy``, its mass on the object, ``flag``, why the heatmap is not to be trusted, and
        ``top``, the five likeliest classes with their probabilities: a list of N each, None where something is not
        known. And ``figures``, those that are finite.
    """
    places = range(len(snapshot.maps))
    predicted = snapshot.predicted.tolist()
    return {
        "ids": list(snapshot.indices),
        "labels": list(snapshot.labels),
        "predicted": predicted,
        "confidence": [_number(snapshot.probabilities[place, predicted[place]]) for place in places],
        "true_confidence": [
            None if label is None else _number(snapshot.probabilities[place, label])
            for place, label in enumerate(snapshot.labels)
        ],
        "drift": [None] * len(places) if snapshot.drift is None else [_number(value) for value in snapshot.drift],
        "object_energy": _object_energy(snapshot),
        "flag": [trust_warning(snapshot, place) for place in places],
        "top": [_top(snapshot.probabilities[place]) for place in places],
        "figures": {name: _number(value) for name, value in figures.items() if math.isfinite(value)},
    }


def write_strip(
    writer: SummaryWriter,
    snapshot: Snapshot,
    prefix: str,
    method: str,
    record: Mapping[str, Any],
    about: Mapping[str, Any],
) -> None:
    """Write an epoch of the strip.

    Args:
        writer: TensorBoard's.
        snapshot: The look.
        prefix: Of the tags.
        method: The explainer's name.
        record: The look's record.
        about: What is the same for all images: ``epoch``, ``step``, ``method``, ``settings``, ``layer``.
    """
    count = len(snapshot.maps)
    stored = compact(torch.cat([snapshot.maps, snapshot.true_maps]), snapshot.grid)  # together, lest their sizes differ
    predicted, true = stored[:count], stored[count:]
    single = {name: values for name, values in record.items() if name != "figures"}
    for place, index in enumerate(snapshot.indices):
        of_one = {name: values[place] for name, values in single.items() if name not in ("ids", "labels")}
        header = {**about, "id": index, "label": snapshot.labels[place], **of_one}
        is_other = snapshot.labels[place] not in (None, of_one["predicted"])
        blob = ProbeBlob(header, predicted[place], true[place] if is_other else None)
        add_blob(writer, BlobTag(prefix, method, str(index)), blob.to_bytes(), about["epoch"])
    whole = to_json({"format": FORMAT, **about, **record})
    add_blob(writer, BlobTag(prefix, method, LOOKS), whole, about["epoch"])  # last: who sees it finds the maps


def write_originals(
    writer: SummaryWriter, snapshot: Snapshot, prefix: str, method: str, classes: Sequence[str] | None, epoch: int
) -> None:
    """Write what is the same in every epoch: the images, and the classes' names."""
    for index, picture in zip(snapshot.indices, snapshot.images, strict=True):
        original = jpeg_bytes(picture, ORIGINAL_QUALITY, ORIGINAL_SIDE)
        add_blob(writer, BlobTag(prefix, ORIGINAL, str(index)), original, epoch)
    names = None if classes is None else list(classes)
    add_blob(writer, BlobTag(prefix, method, CLASSES), to_json({"format": FORMAT, "classes": names}), epoch)


def _object_energy(snapshot: Snapshot) -> list[float | None]:
    if snapshot.masks is None:
        return [None] * len(snapshot.maps)
    shares = energy_in_mask(snapshot.true_maps, snapshot.masks)
    return [_number(share) if mask.any() else None for share, mask in zip(shares, snapshot.masks, strict=True)]


def _top(probabilities: Tensor) -> list[list[int | float | None]]:
    likeliest = torch.topk(probabilities.nan_to_num(0), min(TOP, len(probabilities))).indices.tolist()
    return [[index, _number(probabilities[index])] for index in likeliest]


def _number(value: Tensor | float) -> float | None:
    """The value as JSON has it: finite, to six places."""
    return round(float(value), 6) if math.isfinite(value) else None
