"""Warnings about a snapshot that one can act on, each with the images that show it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from torch import Tensor

from camaug.functional.rank_correlation import rank_correlation
from camaug.metrics.border_energy import border_area, border_energy
from camaug.metrics.energy_in_mask import energy_in_mask

from .snapshot import Snapshot
from .trust_warnings import MEASURED, REMEDIES, trust_warning
from .warn_of_position_bias import CLEAR_BIAS, FEWEST_IMAGES, snapshot_position_bias

__all__ = ["SnapshotWarning", "find_warnings"]

MOST_IMAGES = 16  # that one warning shows
FEW = 0.25  # share of the images from which it is worth a warning
SAME_PROBABILITIES = 1e-6  # largest difference of a class's probabilities in images that the model cannot tell apart
BORDER_SHARE = 0.6  # of a map's energy, where a uniform map has 0.36
TITLES = {
    "logits not finite": "Logits are not finite",
    "constant map": "Heatmaps are empty",
    "ignores the class": "Heatmaps do not depend on the class",
    "ignores the head": "Heatmaps are unchanged by random weights",
}


class SnapshotWarning(NamedTuple):
    """A warning about a snapshot.

    Attributes:
        kind: Its name, by which it is found again in other snapshots.
        title: What is wrong, in a few words.
        measured: What it was measured by, a sentence.
        remedy: What to try, a sentence.
        value: The measured value.
        positions: Positions in the snapshot of the images that show it, the clearest first.
    """

    kind: str
    title: str
    measured: str
    remedy: str
    value: float
    positions: Sequence[int]

    def record(self, snapshot: Snapshot) -> dict[str, Any]:
        """Return the warning as JSON types, with the indices of the images in the data set."""
        indices = [snapshot.indices[position] for position in self.positions]
        return {**self._asdict(), "value": round(self.value, 6), "positions": indices}


def find_warnings(snapshot: Snapshot) -> list[SnapshotWarning]:
    """Return the warnings that a snapshot gives reason for.

    They are about predictions that do not depend on the image, attention to the same position in all images, to the
    border, and beside the objects, and about heatmaps that are not to be trusted. One image in four must show a
    warning, and for the same prediction and position all together.

    Args:
        snapshot: The snapshot.
    """
    of_attention = [_same_position(snapshot), _border(snapshot), _beside_objects(snapshot)]
    found = [_same_prediction(snapshot), *of_attention, *_untrustworthy(snapshot)]
    return [warning for warning in found if warning is not None]


def _same_prediction(snapshot: Snapshot) -> SnapshotWarning | None:
    labels = {label for label in snapshot.labels if label is not None}
    probabilities = snapshot.probabilities.double()
    spread = float((probabilities.amax(dim=0) - probabilities.amin(dim=0)).amax())
    if len(labels) < 2 or not spread < SAME_PROBABILITIES:
        return None
    return SnapshotWarning(
        "same prediction",
        "The same prediction for every image",
        f"The probabilities of {len(snapshot.maps)} images of {len(labels)} classes differ by less than "
        f"{SAME_PROBABILITIES:g}, so that no heatmap can tell them apart.",
        "The head may have died, for example behind a ReLU, or the training diverged: train from the beginning with a "
        "lower learning rate of the head, and look at whether the loss falls. Or the images do not reach the model.",
        spread,
        list(range(len(snapshot.maps)))[:MOST_IMAGES],
    )


def _same_position(snapshot: Snapshot) -> SnapshotWarning | None:
    metric = snapshot_position_bias(snapshot)
    if metric is None or int(metric.count) < FEWEST_IMAGES:
        return None
    bias = float(metric.compute()["position_bias"])
    if bias < CLEAR_BIAS:
        return None
    maps = snapshot.true_maps.float().nan_to_num(0)
    likeness = rank_correlation(maps, maps.mean(dim=0, keepdim=True).expand_as(maps))
    return SnapshotWarning(
        "same position",
        "Attention to the same position in all images",
        f"The heatmaps have the {metric.describe_position()} in common: position bias {bias:.2f}, about 0 if they "
        "follow the objects.",
        "The model may rely on a mark there, such as a watermark. Hide that part of the validation images and compare "
        "the accuracy. If it falls, remove the mark from the training images, or train with "
        'GroupCamAugmentation(recipe="hide-salient").',
        bias,
        likeness.argsort(descending=True)[:MOST_IMAGES].tolist(),
    )


def _border(snapshot: Snapshot) -> SnapshotWarning | None:
    shares = border_energy(snapshot.maps.float().nan_to_num(0))
    positions = _where(shares >= BORDER_SHARE, shares)
    if not _are_enough(positions, snapshot):
        return None
    area = border_area(*snapshot.maps.shape[1:])
    return SnapshotWarning(
        "border",
        "Attention to the border",
        f"{len(positions)} of {len(snapshot.maps)} heatmaps have at least {BORDER_SHARE:.0%} of their energy in the "
        f"outer tenth of the image, which is {area:.0%} of its area.",
        "The model may use black bars, frames, or the padding of its convolutions. Crop the images more tightly, or "
        "pad them by reflection, and see whether the accuracy stays.",
        float(shares.mean()),
        positions[:MOST_IMAGES],
    )


def _beside_objects(snapshot: Snapshot) -> SnapshotWarning | None:
    if snapshot.masks is None:
        return None
    areas = snapshot.masks.float().mean(dim=(1, 2))
    shares = energy_in_mask(snapshot.true_maps.float().nan_to_num(0), snapshot.masks)
    positions = _where((areas > 0) & (shares < areas), shares - areas, descending=False)
    has_object = areas > 0
    if not has_object.any() or len(positions) < FEW * int(has_object.sum()):
        return None
    return SnapshotWarning(
        "beside objects",
        "Attention beside the objects",
        f"{len(positions)} of {int(has_object.sum())} heatmaps have less of their energy on the object than the object "
        "has of the image's area.",
        "The model may recognise the background. Look at what the heatmaps show, collect images of each class before "
        'other backgrounds, or train with GroupCamAugmentation(recipe="salient-crop").',
        float(shares[has_object].mean()),
        positions[:MOST_IMAGES],
    )


def _untrustworthy(snapshot: Snapshot) -> list[SnapshotWarning]:
    reasons = [trust_warning(snapshot, position) for position in range(len(snapshot.maps))]
    warnings = []
    for reason, title in TITLES.items():
        positions = [position for position, found in enumerate(reasons) if found == reason]
        if not _are_enough(positions, snapshot):
            continue
        share = len(positions) / len(reasons)
        measured = f"{len(positions)} of {len(reasons)} heatmaps: {MEASURED[reason]}."
        remedy = f"{REMEDIES[reason][0].upper()}{REMEDIES[reason][1:]}."
        warnings.append(SnapshotWarning(reason, title, measured, remedy, share, positions[:MOST_IMAGES]))
    return warnings


def _where(chosen: Tensor, values: Tensor, *, descending: bool = True) -> list[int]:
    """Return the chosen positions in the order of their values."""
    order = values.argsort(descending=descending)
    return [int(position) for position in order if chosen[position]]


def _are_enough(positions: Sequence[int], snapshot: Snapshot) -> bool:
    return len(positions) > 0 and len(positions) >= FEW * len(snapshot.maps)
