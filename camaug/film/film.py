"""Content of a film."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from camaug.film.probe_history import ProbeHistory
from camaug.tensorboard.data_source import DataSource, NotLoggedError, Series

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
        """Read images of a series (:meth:`ProbeHistory.read`).

        Raises:
            NotLoggedError: If an image itself was not logged.
            ValueError: If there is no image, or the logged data cannot be read, as of a hostile event file.
        """
        if not probes:
            raise ValueError(f"the snapshots of {series.method} in the run {series.run} have no image")
        try:
            histories = [ProbeHistory.read(source, series, record, probe) for probe in probes]
            epochs = [int(epoch) for epoch in record["epochs"]]
        except NotLoggedError:
            raise
        except (ArithmeticError, AttributeError, LookupError, TypeError) as error:
            raise ValueError(f"the logged data cannot be read ({type(error).__name__}: {error})") from error
        return cls(series.method, record["steps"], epochs, histories)

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
