"""Images of a snapshot for TensorBoard's Images tab."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from camaug.functional.masks import upsample
from camaug.images.class_names import class_label
from camaug.images.render import caption, enlarge, grid, overlay, row
from camaug.metrics.trust import are_constant

from .snapshot import Snapshot
from .trust_warnings import CONSTANT, trust_warning

__all__ = ["draw_overview", "draw_panels"]

SMALLEST_SIDE = 192
GREEN, RED, GREY = (46, 160, 67), (218, 54, 51), (110, 118, 129)
EMPTY_CELL = 0.11  # grey value


def draw_panels(snapshot: Snapshot, names: Sequence[str] | None, colormap: str, strength: float) -> list[Tensor]:
    """Draw each image beside the heatmap of its predicted class and, for a wrong prediction, of its true class.

    Args:
        snapshot: The snapshot.
        names: Names of the classes, None for their indices.
        colormap: Colours of the heatmap.
        strength: Share of the heatmap in the overlay, in [0, 1].

    Returns:
        One panel (3, h, w) for each image, all of one size.
    """
    images = enlarge(snapshot.images, SMALLEST_SIDE)
    overlays, true_overlays = (
        _overlay(images, maps, colormap, strength) for maps in (snapshot.maps, snapshot.true_maps)
    )
    return [
        row(
            [
                _image_cell(snapshot, position, images[position], names),
                _predicted_cell(snapshot, position, overlays[position], names),
                _true_cell(snapshot, position, true_overlays[position], names),
            ]
        )
        for position in range(len(images))
    ]


def draw_overview(snapshot: Snapshot, names: Sequence[str] | None, colormap: str, strength: float) -> Tensor:
    """Draw the predicted classes' heatmaps of all images into one image.

    Args:
        snapshot: The snapshot.
        names: Names of the classes, None for their indices.
        colormap: Colours of the heatmap.
        strength: Share of the heatmap in the overlay, in [0, 1].

    Returns:
        An image (3, h, w).
    """
    overlays = _overlay(enlarge(snapshot.images, SMALLEST_SIDE), snapshot.maps, colormap, strength)
    return grid(
        [
            caption(image, [_prediction(snapshot, position, names)], mark=_mark(snapshot, position))
            for position, image in enumerate(overlays)
        ]
    )


def _image_cell(snapshot: Snapshot, position: int, image: Tensor, names: Sequence[str] | None) -> Tensor:
    label = snapshot.labels[position]
    truth = "unlabelled" if label is None else class_label(names, label)
    return caption(image, [truth, f"image {snapshot.indices[position]}", *_band_line(snapshot)], mark=GREY)


def _predicted_cell(snapshot: Snapshot, position: int, heatmap: Tensor, names: Sequence[str] | None) -> Tensor:
    verdict = "predicted"
    if snapshot.labels[position] is not None:
        verdict += ", right" if snapshot.is_correct(position) else ", wrong"
    lines = [_prediction(snapshot, position, names), trust_warning(snapshot, position) or verdict]
    return caption(heatmap, [*lines, *_empty_line(snapshot)], mark=_mark(snapshot, position))


def _true_cell(snapshot: Snapshot, position: int, heatmap: Tensor, names: Sequence[str] | None) -> Tensor:
    label = snapshot.labels[position]
    if label is None or snapshot.is_correct(position):
        return caption(torch.full_like(heatmap, EMPTY_CELL), ["", "", *_empty_line(snapshot)])
    confidence = f"{snapshot.probabilities[position, label]:.0%} {class_label(names, label)}"
    is_constant = bool(are_constant(snapshot.true_maps[position, None]))
    lines = [confidence, CONSTANT if is_constant else "true class"]
    return caption(heatmap, [*lines, *_empty_line(snapshot)], mark=GREY)


def _band_line(snapshot: Snapshot) -> list[str]:
    return [snapshot.bands] if snapshot.bands else []


def _empty_line(snapshot: Snapshot) -> list[str]:
    """Return as many empty lines as an image has for its bands, so that all cells have one height."""
    return ["" for _ in _band_line(snapshot)]


def _overlay(images: Tensor, maps: Tensor, colormap: str, strength: float) -> Tensor:
    size = (images.shape[-2], images.shape[-1])
    return overlay(images, upsample(maps[:, None], size)[:, 0], colormap, strength)


def _prediction(snapshot: Snapshot, position: int, names: Sequence[str] | None) -> str:
    predicted = int(snapshot.predicted[position])
    return f"{snapshot.probabilities[position, predicted]:.0%} {class_label(names, predicted)}"


def _mark(snapshot: Snapshot, position: int) -> tuple[int, int, int]:
    if snapshot.labels[position] is None:
        return GREY
    return GREEN if snapshot.is_correct(position) else RED
