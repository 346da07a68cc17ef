"""One look at the probe images: what was found, as pictures and as figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from camaug.functional.masks import upsample
from camaug.images.class_names import class_label
from camaug.images.render import caption, enlarge, grid, overlay, row
from camaug.metrics import EnergyInMask, centre_bias
from camaug.metrics.drift import rank_correlation, top_overlap

__all__ = ["Snapshot", "compared", "doubt", "doubts", "figures", "is_empty", "overview", "panels"]

SMALLEST_SIDE = 192
SAME = 0.99  # rank correlation from which two heatmaps cannot be told apart by eye
RIGHT, WRONG, NEUTRAL = (46, 160, 67), (218, 54, 51), (110, 118, 129)


@dataclass(frozen=True)
class Snapshot:
    """What a model made of N images.

    Attributes:
        indices: Each image's place in the data set.
        labels: Each image's class; None where it is not known.
        pictures: The images, (N, 3, H, W) in [0, 1].
        probabilities: Of each class, (N, classes).
        predicted: The predicted classes, (N,).
        maps: The predicted classes' maps, (N, H, W) in [0, 1].
        true_maps: The true classes' maps; the predicted ones' where they are the same or the true one is not known.
        masks: Where the objects are, boolean (N, H, W), empty where there is none; None where that is not known.
        class_similarity: Rank correlation of each map with the runner-up class's, (N,); None where not asked for.
        head_similarity: Rank correlation of each map with that of a random head, (N,); None likewise.
        drift: How much each true class's map changed since the last look, 1 minus the rank correlation, (N,); None at
            the first.
        overlap: Intersection over union of its highest places with those of the last look, (N,); None likewise.
        layers: Names of the layers that were looked at.
        grid: Height and width that the maps were enlarged from; None for methods that look at pixels alone.
    """

    indices: Sequence[int]
    labels: Sequence[int | None]
    pictures: Tensor
    probabilities: Tensor
    predicted: Tensor
    maps: Tensor
    true_maps: Tensor
    masks: Tensor | None
    class_similarity: Tensor | None = None
    head_similarity: Tensor | None = None
    drift: Tensor | None = None
    overlap: Tensor | None = None
    layers: Sequence[str] = ()
    grid: tuple[int, int] | None = None


def panels(snapshot: Snapshot, names: Sequence[str] | None, colormap: str, strength: float) -> list[Tensor]:
    """One picture for each image, all of one size: the image, the predicted class's heat, the true class's if another.

    Args:
        snapshot: The look.
        names: Names of the classes; None for their numbers.
        colormap: Colours of the heat.
        strength: Share of the heat in the overlay.

    Returns:
        Pictures (3, h, w).
    """
    pictures = enlarge(snapshot.pictures, SMALLEST_SIDE)
    heat, true_heat = (_heat(pictures, maps, colormap, strength) for maps in (snapshot.maps, snapshot.true_maps))
    rows = []
    for place, (index, label) in enumerate(zip(snapshot.indices, snapshot.labels, strict=True)):
        truth = "unlabelled" if label is None else class_label(names, label)
        verdict = "predicted" if label is None else f"predicted, {'right' if _is_right(snapshot, place) else 'wrong'}"
        cells = [
            caption(pictures[place], [truth, f"image {index}"], mark=NEUTRAL),
            caption(
                heat[place],
                [_prediction(snapshot, place, names), doubt(snapshot, place) or verdict],
                mark=_mark(snapshot, place),
            ),
        ]
        if label is not None and not _is_right(snapshot, place):
            said = f"{snapshot.probabilities[place, label]:.0%} {truth}"
            about = "blank map" if is_empty(snapshot.true_maps[place]) else "true class"
            cells.append(caption(true_heat[place], [said, about], mark=NEUTRAL))
        else:
            cells.append(caption(torch.full_like(pictures[place], 0.11), ["", ""]))
        rows.append(row(cells))
    return rows


def overview(snapshot: Snapshot, names: Sequence[str] | None, colormap: str, strength: float) -> Tensor:
    """The predicted classes' heat on all images in one picture."""
    heat = _heat(enlarge(snapshot.pictures, SMALLEST_SIDE), snapshot.maps, colormap, strength)
    places = range(len(heat))
    return grid([caption(heat[i], [_prediction(snapshot, i, names)], mark=_mark(snapshot, i)) for i in places])


def compared(snapshot: Snapshot, previous: Tensor | None) -> Snapshot:
    """The look with how much it differs from the one before.

    Args:
        snapshot: The look.
        previous: The true classes' maps of the look before, (N, H, W), of the same images; None at the first.
    """
    if previous is None:
        return snapshot
    maps = snapshot.true_maps
    return replace(snapshot, drift=1 - rank_correlation(maps, previous), overlap=top_overlap(maps, previous))


def figures(snapshot: Snapshot) -> dict[str, float]:
    """The look as figures, each a mean over the images.

    Args:
        snapshot: The look.

    Returns:
        ``constant_maps``, the share of maps without evidence; ``centre_bias``, ``class_similarity`` and
        ``head_similarity`` of the predicted classes' maps (:class:`camaug.metrics.Trust`), the last two where they were
        asked for; ``confidence`` in the true class, where that is known;
        ``drift`` and ``overlap`` from the second look on (:class:`camaug.metrics.Drift`); ``object_energy`` and
        ``object_area`` where the objects are known (:class:`camaug.metrics.EnergyInMask`).
    """
    values = {
        "constant_maps": (snapshot.maps.amax(dim=(1, 2)) == 0).float().mean(),
        "centre_bias": centre_bias(snapshot.maps).mean(),
    }
    for name in ("class_similarity", "head_similarity"):
        similarity = getattr(snapshot, name)
        if similarity is not None:
            values[name] = similarity.mean()
    known = [(place, label) for place, label in enumerate(snapshot.labels) if label is not None]
    if known:
        values["confidence"] = torch.stack([snapshot.probabilities[place, label] for place, label in known]).mean()
    for name in ("drift", "overlap"):
        change = getattr(snapshot, name)
        if change is not None:
            values[name] = change.mean()
    there = None if snapshot.masks is None else snapshot.masks.flatten(1).any(dim=1)
    if snapshot.masks is not None and there is not None and there.any():
        # Metrics synchronise when they are computed; rank zero alone is here, and would wait for the others for ever.
        mass = EnergyInMask(sync_on_compute=False)
        mass.update(snapshot.true_maps[there], snapshot.masks[there])
        values |= {f"object_{name}": value for name, value in mass.compute().items()}
    return {name: float(value) for name, value in values.items()}


def is_empty(map_: Tensor) -> bool:
    """Whether a map (H, W) shows no evidence anywhere."""
    return bool(map_.amax() == 0)


def doubt(snapshot: Snapshot, place: int) -> str:
    """Why a heatmap is not to be trusted, in a few words for its caption; empty where nothing speaks against it."""
    if not snapshot.probabilities[place].isfinite().all():
        return "answer not finite"
    if is_empty(snapshot.maps[place]):
        return "blank map"
    if snapshot.class_similarity is not None and snapshot.class_similarity[place] >= SAME:
        return "ignores the class"
    if snapshot.head_similarity is not None and snapshot.head_similarity[place] >= SAME:
        return "ignores the head"
    return ""


def doubts(snapshot: Snapshot) -> dict[str, int]:
    """How many heatmaps are not to be trusted, for each reason."""
    reasons = [doubt(snapshot, place) for place in range(len(snapshot.maps))]
    return {reason: reasons.count(reason) for reason in sorted(set(reasons)) if reason}


def _heat(pictures: Tensor, maps: Tensor, colormap: str, strength: float) -> Tensor:
    size = (pictures.shape[-2], pictures.shape[-1])
    return overlay(pictures, upsample(maps[:, None], size)[:, 0], colormap, strength)


def _prediction(snapshot: Snapshot, place: int, names: Sequence[str] | None) -> str:
    predicted = int(snapshot.predicted[place])
    return f"{snapshot.probabilities[place, predicted]:.0%} {class_label(names, predicted)}"


def _is_right(snapshot: Snapshot, place: int) -> bool:
    return int(snapshot.predicted[place]) == snapshot.labels[place]


def _mark(snapshot: Snapshot, place: int) -> tuple[int, int, int]:
    if snapshot.labels[place] is None:
        return NEUTRAL
    return RIGHT if _is_right(snapshot, place) else WRONG
