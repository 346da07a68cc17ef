"""Choice of the run, the tag and the method of a film."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from camaug.tensorboard.data_source import DataSource, Series
from camaug.utils.did_you_mean import did_you_mean

__all__ = ["choose_series"]

USUAL_TAG = "cam"


def choose_series(source: DataSource, method: str | None = None, tag: str | None = None) -> Series:
    """Choose a series of one run.

    Args:
        source: Data source of a run.
        method: Name of the explainer; None for the one with the most snapshots, of several with as many the one under
            ``cam``.
        tag: Tag of the logger; None for any.

    Raises:
        ValueError: If there are several runs, no snapshots, or no series of this method or tag.
    """
    entries = source.runs()["runs"]
    if not entries:  # it was killed while it wrote its first snapshot
        raise ValueError("the run has no finished snapshot: wait for its first one, or train it again")
    runs = _names(entries, "run")
    if len(runs) > 1:
        raise ValueError(f"a film is of one run, and these are {len(runs)}: {', '.join(runs)}; give the folder of one")
    for field, value in (("prefix", tag), ("method", method)):
        if value is not None:
            known = _names(entries, field)
            entries = [entry for entry in entries if entry[field] == value]
            if not entries:
                what = "tag" if field == "prefix" else "method"
                raise ValueError(
                    f"the run has no heatmaps of the {what} {value!r}, {did_you_mean(value, known)}"
                    f"expected one of {', '.join(known)}"
                )
    best = max(entries, key=lambda entry: (len(entry["steps"]), entry["prefix"] == USUAL_TAG))
    return Series(best["run"], best["prefix"], best["method"])


def _names(entries: Iterable[Mapping[str, Any]], field: str) -> list[str]:
    return sorted({entry[field] for entry in entries})
