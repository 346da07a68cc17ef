"""Choice of the images of a film."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["check_probes", "most_changed_probes"]

SHOWN = 12  # known images in a message


def check_probes(record: Mapping[str, Any], probes: Sequence[int]) -> list[int]:
    """Return the images, each once, in the given order.

    Args:
        record: Predictions of a series (:meth:`camaug.tensorboard.data_source.DataSource.snapshots`).
        probes: Indices of images.

    Raises:
        ValueError: If the series has no image of an index.
    """
    known = [probe["id"] for probe in record["probes"]]
    for probe in probes:
        if probe not in known:
            more = f" and {len(known) - SHOWN} more" if len(known) > SHOWN else ""
            raise ValueError(
                f"the run has no heatmaps of image {probe}, expected one of {', '.join(map(str, known[:SHOWN]))}{more}"
            )
    return list(dict.fromkeys(probes))


def most_changed_probes(record: Mapping[str, Any], count: int) -> list[int]:
    """Return the images whose heatmaps change most from snapshot to snapshot, by the sum of their drift.

    Args:
        record: Predictions of a series (:meth:`camaug.tensorboard.data_source.DataSource.snapshots`).
        count: Number of images, at least 1; of fewer images all are returned.

    Raises:
        ValueError: If the drift is not a number for each image, as in a hostile event file.
    """
    drift = record["snapshots"]["drift"]
    try:
        change = {
            probe["id"]: sum(float(row[position] or 0.0) for row in drift)
            for position, probe in enumerate(record["probes"])
        }
    except (LookupError, TypeError) as error:
        raise ValueError(f"the drift of the images cannot be read ({type(error).__name__}: {error})") from error
    return sorted(change, key=lambda probe: -change[probe])[:count]
