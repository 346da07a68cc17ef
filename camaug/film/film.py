"""Content of a film."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from camaug.film.probe_history import ProbeHistory
from camaug.tensorboard.data_source import DataSource, Series

__all__ = ["Film"]


@dataclass(frozen=True, eq=False)
class Film:
    """Images of a run through its snapshots.

    Attributes:
        method: Name of the explainer.
        steps: Global step of each snapshot, ascending.
        epochs: Epoch of each snapshot.
        histories: At least one image, with as many snapshots as there are steps.
    """

    method: str
    steps: Sequence[int]
    epochs: Sequence[int]
    histories: Sequence[ProbeHistory]

    @classmethod
    def read(cls, source: DataSource, series: Series, record: Mapping[str, Any], probes: Sequence[int]) -> Film:
        """Read images of a series (:meth:`ProbeHistory.read`)."""
        histories = [ProbeHistory.read(source, series, record, probe) for probe in probes]
        return cls(series.method, record["steps"], record["epochs"], histories)

    @property
    def has_true_maps(self) -> bool:
        """Return True if a prediction is wrong in any snapshot, which then has a heatmap of the true class."""
        return any(
            snapshot is not None and snapshot.true_map is not None
            for history in self.histories
            for snapshot in history.snapshots
        )

    def moment(self, number: int) -> str:
        """Return the epoch and the step of a snapshot, first the one that tells the snapshots apart, as in the tab."""
        names = [f"epoch {self.epochs[number]}", f"step {self.steps[number]}"]
        return ", ".join(names if self.has_one_snapshot_an_epoch else reversed(names))

    @property
    def has_one_snapshot_an_epoch(self) -> bool:
        """Return True if the epochs of the snapshots differ."""
        return len(set(self.epochs)) == len(self.epochs)
