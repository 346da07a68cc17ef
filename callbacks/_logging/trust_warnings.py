"""Reasons not to trust the heatmaps of a snapshot."""

from __future__ import annotations

from collections import Counter

from camaug.metrics.trust import are_constant

from .snapshot import Snapshot

__all__ = ["count_trust_warnings", "trust_warning"]

NOT_FINITE = "logits not finite"
CONSTANT = "constant map"
IGNORES_CLASS = "ignores the class"
IGNORES_HEAD = "ignores the head"
INDISTINGUISHABLE = 0.99  # rank correlation from which two heatmaps look the same


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
