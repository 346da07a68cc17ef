"""A probe image in one snapshot."""

from __future__ import annotations

from dataclasses import dataclass

from camaug.tensorboard.stored_map import StoredMap

__all__ = ["ProbeSnapshot"]


@dataclass(frozen=True)
class ProbeSnapshot:
    """Prediction and heatmaps of one image in one snapshot.

    Attributes:
        predicted_name: Name of the predicted class.
        confidence: Probability of the predicted class, in [0, 1]; None where it was not finite.
        is_correct: True if the prediction is correct, as in the tab; None if the image has no label.
        warning: Reason not to trust the heatmap, in a few words, or an empty string.
        predicted_map: Heatmap of the predicted class.
        true_name: Name of the true class; empty unless there is a ``true_map``.
        true_confidence: Probability of the true class; None where it was not finite, or without a ``true_map``.
        true_map: Heatmap of the image's label if the prediction is wrong, of several labels of one that is missed;
            otherwise None.
    """

    predicted_name: str
    confidence: float | None
    is_correct: bool | None
    warning: str
    predicted_map: StoredMap
    true_name: str
    true_confidence: float | None
    true_map: StoredMap | None
