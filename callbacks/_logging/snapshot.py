"""A snapshot: the explanations of the probe images at one moment of a training run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from .label_errors import false_positives, missed_labels

__all__ = ["Snapshot"]


@dataclass(frozen=True)
class Snapshot:
    """Predictions and heatmaps of N probe images at one moment of a training run.

    Attributes:
        indices: Index of each image in the data set.
        labels: Class of each image, the first of several, None where it is unknown.
        images: (N, 3, H, W), denormalised, in [0, 1].
        probabilities: (N, classes).
        predicted: Predicted classes (N,).
        maps: Heatmaps of the predicted classes (N, H, W) in [0, 1].
        true_maps: Heatmaps of the true classes (N, H, W), the first of several; those of the predicted classes where
            the label is unknown.
        masks: Boolean masks of the objects (N, H, W), empty where an image has none, or None if the data set has no
            masks.
        class_similarity: Rank correlation (N,) of each map with the map of the runner-up class, or None in a
            snapshot without this check.
        head_similarity: Rank correlation (N,) of each map with the map of a model with a random head, or None.
        drift: 1 minus the rank correlation (N,) of each true class's map with its map in the previous snapshot, or
            None without a previous one. NaN for a map that stays constant.
        overlap: Intersection over union (N,) of the highest values of these two maps, NaN or None as ``drift``.
        layers: Names of the explained layers.
        grid: Height and width of the maps before upsampling, or None for methods without a layer.
        positives: All classes of each image where images have several, or an empty sequence.
        bands: Names of the channels that ``images`` show, or an empty string if they show all.
        number: Number of snapshots before this one in the training run.
        has_several: True if the classes do not exclude each other; ``probabilities`` are sigmoids then.
        label_maps: If ``has_several``, the heatmaps (H, W) of each image beside that of its predicted class, by class:
            of its other labels, at most the 8 most probable, and of its most probable false positive.
    """

    indices: Sequence[int]
    labels: Sequence[int | None]
    images: Tensor
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
    positives: Sequence[Sequence[int]] = ()
    bands: str = ""
    number: int = 0
    has_several: bool = False
    label_maps: Sequence[Mapping[int, Tensor]] = ()

    def is_correct(self, position: int) -> bool:
        """Return True if the label of the image at this position is known and predicted.

        Of classes that do not exclude each other, all labels and no other class must have a probability of at least
        0.5.
        """
        classes = self.classes(position)
        if self.has_several:
            return bool(classes) and not self.missed(position) and not self.false_positives(position)
        return int(self.predicted[position]) in classes

    def missed(self, position: int) -> list[int]:
        """Return the labels with a probability below 0.5, none if the classes exclude each other."""
        return missed_labels(self.classes(position), self.probabilities[position]) if self.has_several else []

    def false_positives(self, position: int) -> list[int]:
        """Return the other classes with a probability of at least 0.5, the most probable first.

        There are none if the classes exclude each other, or the image is unlabelled.
        """
        classes = self.classes(position)
        return false_positives(classes, self.probabilities[position]) if self.has_several and classes else []

    def class_maps(self, position: int) -> dict[int, Tensor]:
        """Return the heatmaps (H, W) of the image at this position by class, that of the predicted class first."""
        maps = {int(self.predicted[position]): self.maps[position]}
        if self.has_several:
            return maps | dict(self.label_maps[position] if self.label_maps else {})
        classes = self.classes(position)
        return maps | ({classes[0]: self.true_maps[position]} if classes and not self.is_correct(position) else {})

    def classes(self, position: int) -> Sequence[int]:
        """Return the classes of the image at this position, none where it is unlabelled."""
        if self.positives:
            return self.positives[position]
        label = self.labels[position]
        return () if label is None else (label,)
