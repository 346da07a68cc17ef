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

    Of classes that do not exclude each other, the last heatmap is that of a label that is missed or else of a false
    positive, whose probability is below or at least 0.5.

    Args:
        snapshot: The snapshot.
        names: Names of the classes, None for their indices.
        colormap: Colours of the heatmap.
        strength: Share of the heatmap in the overlay, in [0, 1].

    Returns:
        One panel (3, h, w) for each image, all of one size.
    """
    images = enlarge(snapshot.images, SMALLEST_SIDE)
    wrong_classes = [_wrong_class(snapshot, position) for position in range(len(images))]
    wrong_maps = torch.stack(
        [
            snapshot.maps[position] if each is None else snapshot.class_maps(position)[each]
            for position, each in enumerate(wrong_classes)
        ]
    )
    overlays, wrong_overlays = (_overlay(images, maps, colormap, strength) for maps in (snapshot.maps, wrong_maps))
    return [
        row(
            [
                _image_cell(snapshot, position, images[position], names),
                _predicted_cell(snapshot, position, overlays[position], names),
                _wrong_cell(snapshot, position, wrong_class, wrong_overlays[position], names),
            ]
        )
        for position, wrong_class in enumerate(wrong_classes)
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
    labels = snapshot.classes(position) if snapshot.has_several else snapshot.classes(position)[:1]
    truth = ", ".join(class_label(names, label) for label in labels) or "unlabelled"
    return caption(image, [truth, f"image {snapshot.indices[position]}", *_band_line(snapshot)], mark=GREY)


def _predicted_cell(snapshot: Snapshot, position: int, heatmap: Tensor, names: Sequence[str] | None) -> Tensor:
    verdict = "predicted"
    if snapshot.labels[position] is not None:
        verdict += ", right" if snapshot.is_correct(position) else ", wrong"
    if snapshot.has_several and not snapshot.is_correct(position):
        verdict = _label_errors(snapshot, position, names) or verdict
    lines = [_prediction(snapshot, position, names), trust_warning(snapshot, position) or verdict]
    return caption(heatmap, [*lines, *_empty_line(snapshot)], mark=_mark(snapshot, position))


def _wrong_cell(
    snapshot: Snapshot, position: int, wrong_class: int | None, heatmap: Tensor, names: Sequence[str] | None
) -> Tensor:
    if wrong_class is None:
        return caption(torch.full_like(heatmap, EMPTY_CELL), ["", "", *_empty_line(snapshot)])
    confidence = f"{snapshot.probabilities[position, wrong_class]:.0%} {class_label(names, wrong_class)}"
    role = "true class"
    if snapshot.has_several:
        role = "missed label" if wrong_class in snapshot.classes(position) else "false positive"
    is_constant = bool(are_constant(snapshot.class_maps(position)[wrong_class][None]))
    lines = [confidence, CONSTANT if is_constant else role]
    return caption(heatmap, [*lines, *_empty_line(snapshot)], mark=GREY)


def _wrong_class(snapshot: Snapshot, position: int) -> int | None:
    """Return the class that is drawn beside the predicted one: a missed label, or else a false positive."""
    if not snapshot.classes(position) or snapshot.is_correct(position):
        return None
    if not snapshot.has_several:
        return snapshot.classes(position)[0]
    wrong = [*snapshot.missed(position), *snapshot.false_positives(position)]
    drawable = snapshot.class_maps(position)
    return next((each for each in wrong if each in drawable and each != int(snapshot.predicted[position])), None)


def _label_errors(snapshot: Snapshot, position: int, names: Sequence[str] | None) -> str:
    """Describe which labels are missed and which classes are false positives, as in ``misses ant``."""
    missed, false = (
        ", ".join(class_label(names, each) for each in classes)
        for classes in (snapshot.missed(position), snapshot.false_positives(position))
    )
    return "; ".join([*([f"misses {missed}"] if missed else []), *([f"false: {false}"] if false else [])])


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
