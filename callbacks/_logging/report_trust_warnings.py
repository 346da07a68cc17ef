"""Console warning about heatmaps that are not to be trusted."""

from __future__ import annotations

from .snapshot import Snapshot
from .trust_warnings import MEASURED, REMEDIES, count_trust_warnings
from .warn_once import WarnOnce

__all__ = ["report_trust_warnings"]


def report_trust_warnings(warn_once: WarnOnce, snapshot: Snapshot, *, epoch: int, method: str, tag: str) -> None:
    """Warn of each reason not to trust heatmaps that applies to more than half of a snapshot.

    Args:
        warn_once: Warnings of the callback.
        snapshot: The snapshot.
        epoch: Epoch of the snapshot.
        method: Name of the explainer.
        tag: Tag under which the captions and metrics are logged.
    """
    total = len(snapshot.maps)
    for reason, count in count_trust_warnings(snapshot).items():
        if 2 * count > total:
            warn_once(
                reason,
                f"{warn_once.name}: in epoch {epoch} {count} of {total} heatmaps of {method} are not to be trusted "
                f"({reason}): {MEASURED[reason]}; {REMEDIES[reason]}. This is reported once; the captions "
                f"and the metrics under {tag}/ show it from now on",
            )
