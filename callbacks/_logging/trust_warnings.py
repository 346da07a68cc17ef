"""Reasons not to trust the heatmaps of a snapshot."""

from __future__ import annotations

from collections import Counter

from camaug.metrics.trust import are_constant

from .snapshot import Snapshot

__all__ = ["MEASURED", "REMEDIES", "count_trust_warnings", "trust_warning"]

NOT_FINITE = "logits not finite"
CONSTANT = "constant map"
IGNORES_CLASS = "ignores the class"
IGNORES_HEAD = "ignores the head"
INDISTINGUISHABLE = 0.99  # rank correlation from which two heatmaps look the same
MEASURED = {
    NOT_FINITE: "the model's logits are NaN or infinite",
    CONSTANT: "the method found no evidence for the class",
    IGNORES_CLASS: "the map for the runner-up class is the same",
    IGNORES_HEAD: "with random weights in the model's head the map is the same",
}
"""What each reason was measured by."""
REMEDIES = {
    NOT_FINITE: "try a lower learning rate, or another precision",
    CONSTANT: "try another explainer=, such as 'layer-cam', or another layer; an untrained model has such maps too",
    IGNORES_CLASS: "try another explainer=, such as 'grad-cam' or 'finer-cam', or an earlier layer",
    IGNORES_HEAD: "try another explainer=, such as 'grad-cam', or train longer if the head is new",
}
"""What to try against each reason."""


def trust_warning(snapshot: Snapshot, position: int) -> str:
    """Return the first reason not to trust an image's heatmap, short enough for a caption, or an empty string.

    Args:
        snapshot: The snapshot.
        position: Position of the image in the snapshot.
    """
    if not snapshot.probabilities[position].isfinite().all():
        return NOT_FINITE
    if are_constant(snapshot.maps[position, None]):
        return CONSTANT
    if snapshot.class_similarity is not None and snapshot.class_similarity[position] >= INDISTINGUISHABLE:
        return IGNORES_CLASS
    if snapshot.head_similarity is not None and snapshot.head_similarity[position] >= INDISTINGUISHABLE:
        return IGNORES_HEAD
    return ""


def count_trust_warnings(snapshot: Snapshot) -> dict[str, int]:
    """Count the heatmaps with each reason not to trust them."""
    reasons = Counter(trust_warning(snapshot, position) for position in range(len(snapshot.maps)))
    return {reason: reasons[reason] for reason in sorted(reasons) if reason}
