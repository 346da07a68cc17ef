"""Mistakes of a snapshot on their way to the Trainer's loggers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

import lightning as L
import torch
from lightning.pytorch.loggers import Logger
from torch import Tensor

from camaug.explainers import Explainer
from camaug.images.writing import jpeg_bytes
from camaug.metrics.trust import are_constant
from camaug.tensorboard.blobs import FORMAT, MISTAKE_IMAGES, MISTAKES, BlobTag, add_blob, to_json
from camaug.tensorboard.map_compression import compress_maps
from camaug.tensorboard.mistakes_blob import MistakeImage, MistakesBlob

from .._logging.call_loggers import call_loggers
from .._logging.image_display import ImageDisplay
from .._logging.moment import Moment
from .._logging.snapshot_header import snapshot_header
from .._logging.snapshot_style import SnapshotStyle
from .._logging.tensorboard_writer import tensorboard_writer
from .._logging.write_to_logger import write_to_logger
from .chosen_images import ChosenImages
from .draw_mistakes import draw_mistakes
from .explained_mistakes import ExplainedMistakes

__all__ = ["MistakesWriter", "mistakes_record"]

TOP_CLASSES = 5
JPEG_QUALITY = 85
JPEG_SIDE = 224  # pixels


class MistakesWriter:
    """Writer of a snapshot's mistakes: blobs for the camaug tab, and an overview image for every logger.

    An image that is known by its index is written once.

    Args:
        trainer: The Trainer, whose loggers are written to.
        pl_module: The model, whose settings the records name.
        explainer: The method of the heatmaps.
        style: How the images are drawn.
    """

    def __init__(
        self, trainer: L.Trainer, pl_module: L.LightningModule, explainer: Explainer, style: SnapshotStyle
    ) -> None:
        self._trainer, self._module = trainer, pl_module
        self._explainer, self._style = explainer, style
        self._number = 0  # of the next snapshot
        self._written: dict[tuple[str, int], tuple[int, int]] = {}  # step and slot of the blob that has an image

    def write(
        self,
        explained: ExplainedMistakes,
        moment: Moment,
        names: Sequence[str] | None,
        display: ImageDisplay,
    ) -> None:
        """Write the mistakes of a snapshot.

        Args:
            explained: The explained images.
            moment: Moment of the snapshot.
            names: Names of the classes, None for their indices.
            display: Conversion of the images to RGB.
        """
        chosen = explained.chosen
        images = display.to_rgb(chosen.images if chosen.images.is_floating_point() else chosen.images.float())
        found = call_loggers(self._trainer, tensorboard_writer)
        is_due = partial(self._style.is_image_due, self._trainer, self._number, moment)
        self._number += 1
        drawn: dict[str, Tensor] = {}
        if any(is_due(writer) for _, writer in found):
            overview = draw_mistakes(explained, images, names, self._style.colormap, self._style.strength)
            drawn[f"{moment.prefix}/mistakes"] = overview
        has_tab = any(writer is not None for _, writer in found)
        blobs = self._encode(explained, images, moment) if has_tab else {}
        metrics: dict[str, float] = {}
        if chosen.forgotten is not None:
            metrics[f"{moment.prefix}/forgotten"] = chosen.forgotten / chosen.count

        def write(logger: Logger) -> None:
            writer = tensorboard_writer(logger)
            if writer is not None:
                for tag, blob in blobs.items():
                    add_blob(writer, tag, blob, moment.step)
            write_to_logger(logger, drawn if is_due(writer) else {}, metrics, moment.step)

        call_loggers(self._trainer, write, [logger for logger, _ in found])

    def _encode(self, explained: ExplainedMistakes, images: Tensor, moment: Moment) -> dict[BlobTag, bytes]:
        """Return the blobs in the order of writing: a reader who finds the last one also finds the maps."""
        prefix, method, step = moment.prefix, self._explainer.name, moment.step
        record = mistakes_record(explained)
        blob = MistakesBlob([])
        stored = compress_maps(explained.maps.flatten(0, 1), explained.grid)
        for slot, entry in enumerate(record["images"]):
            entry["original"], is_new = self._place(prefix, entry["id"], step, slot)
            jpeg = jpeg_bytes(images[slot], JPEG_QUALITY, JPEG_SIDE) if is_new else b""
            classes = explained.classes[slot].tolist()
            maps = stored[slot * len(classes) : (slot + 1) * len(classes)]
            kept = [(index, map_) for index, map_ in zip(classes, maps, strict=True) if index >= 0]
            blob.images.append(MistakeImage([index for index, _ in kept], [map_ for _, map_ in kept], jpeg))
        header = snapshot_header(moment, self._explainer, self._module, explained.layers)
        return {
            BlobTag(prefix, method, MISTAKE_IMAGES): blob.to_bytes(),
            BlobTag(prefix, method, MISTAKES): to_json({"format": FORMAT, **header, **record}),
        }

    def _place(self, prefix: str, index: int | None, step: int, slot: int) -> tuple[list[int], bool]:
        """Return the step and the slot of the blob that has an image, and whether this is the blob."""
        if index is None:
            return [step, slot], True
        place = self._written.setdefault((prefix, index), (step, slot))
        return list(place), place == (step, slot)


def mistakes_record(explained: ExplainedMistakes) -> dict[str, Any]:
    """Convert everything but the maps to JSON types.

    Args:
        explained: The explained images.

    Returns:
        ``validated_step``; the numbers ``count``, ``wrong`` and ``forgotten`` of validation images; ``confusion``, the
        rows ``[label, prediction, images]`` of the confusion matrix that are not empty, or with several labels
        ``[class, true negatives, false positives, false negatives, true positives]``; and ``images``, a dictionary for
        each image.
    """
    chosen = explained.chosen
    return {
        "validated_step": chosen.step,
        "count": chosen.count,
        "wrong": chosen.wrong,
        "forgotten": chosen.forgotten,
        "has_several": chosen.has_several,
        "confusion": _confusion_rows(chosen),
        "images": [_image_record(explained, slot) for slot in range(len(chosen.choices))],
    }


def _image_record(explained: ExplainedMistakes, slot: int) -> dict[str, Any]:
    chosen = explained.chosen
    probabilities = chosen.probabilities()[slot].nan_to_num(0)
    labels = chosen.classes(slot)
    predicted = int(explained.classes[slot, 0])
    top = probabilities.topk(min(TOP_CLASSES, len(probabilities)))
    return {
        "id": chosen.indices[slot],
        "lists": {name: _rounded(score) for name, score in chosen.choices[slot].scores.items()},
        "labels": labels,
        "predicted": predicted,
        "is_correct": _is_correct(chosen, slot, predicted),
        "confidence": _rounded(probabilities[predicted]),
        "true_confidences": [_rounded(probabilities[label]) for label in labels],
        "top_classes": [[int(index), _rounded(value)] for index, value in zip(top.indices, top.values, strict=True)],
        "similarity": _rounded(explained.similarity[slot]),
        "object_energy": _rounded(explained.object_energy[slot]),
        "object_area": _rounded(explained.object_area[slot]),
        "is_constant": bool(are_constant(explained.maps[slot, :1])),
    }


def _is_correct(chosen: ChosenImages, slot: int, predicted: int) -> bool | None:
    """Return whether the prediction is correct, None without a label."""
    if chosen.has_several:
        return bool(torch.equal(chosen.logits[slot] > 0, chosen.targets[slot]))
    labels = chosen.classes(slot)
    return predicted in labels if labels else None


def _confusion_rows(chosen: ChosenImages) -> list[list[int]] | None:
    matrix = chosen.confusion
    if matrix is None:
        return None
    if chosen.has_several:
        return [[index, *counts] for index, counts in enumerate(matrix.flatten(1).tolist())]
    rows = matrix.nonzero()
    return [[*cell, int(matrix[tuple(cell)])] for cell in rows.tolist()]


def _rounded(value: Tensor | float) -> float | None:
    """Return the value to six decimals, or None if it is not finite, which JSON cannot express."""
    return round(float(value), 6) if math.isfinite(value) else None
