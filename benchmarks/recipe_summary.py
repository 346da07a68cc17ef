"""Paired differences between the arms of the shortcut pilot."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.shortcut_arms import ARMS, CONTROLS
from camaug.experiments.mean_interval import paired_interval
from camaug.experiments.table import Cell, Table

__all__ = ["read_runs", "summarise"]

UNMARKED = {"val_plain": "validation", "test_plain": "test"}
WRONG = {"val_wrong": "validation, wrong mark", "test_wrong": "test, wrong mark"}
COMPETITORS = (("hide", "cutmix"), ("paired", "cutmix"))
NOTE = "Points, and 95 % confidence intervals of the mean paired difference over seeds (Student's t), uncorrected."
Runs = Mapping[str, Mapping[int, Mapping[str, Any]]]


def read_runs(path: Path, seeds: Sequence[int] | None = None) -> list[dict[str, Any]]:
    """Read the runs of some seeds, or of all, from a CSV file or a file of JSON lines."""
    text = path.read_text(encoding="utf-8").splitlines()
    rows = csv.DictReader(text) if path.suffix == ".csv" else map(json.loads, text)
    runs = [{key: _parsed(key, value) for key, value in row.items() if value not in (None, "")} for row in rows]
    return [run for run in runs if seeds is None or run["seed"] in seeds]


def summarise(runs: Sequence[Mapping[str, Any]]) -> list[Table]:
    """Return the tables of paired differences, of training on marked and on unmarked photos."""
    return [_table(name, [run for run in runs if run["marked"] is marked], columns) for name, marked, columns in KINDS]


KINDS = (("marked", True, UNMARKED | WRONG), ("plain", False, UNMARKED))


def _table(name: str, runs: Sequence[Mapping[str, Any]], columns: Mapping[str, str]) -> Table:
    by_arm: dict[str, dict[int, Mapping[str, Any]]] = {}
    for run in runs:
        by_arm.setdefault(run["arm"], {})[run["seed"]] = run
    rows = [row for arm, reference in _pairs() if (row := _row(arm, reference, by_arm, columns))]
    formats = dict.fromkeys(columns.values(), "{:+.1f}")
    return Table(name, ("arm", "minus", "seeds", *columns.values()), rows, formats, [NOTE])


def _pairs() -> Iterator[tuple[str, str]]:
    yield from ((arm, "none") for arm in ARMS if arm != "none")
    yield from CONTROLS.items()
    yield from COMPETITORS


def _row(arm: str, reference: str, runs: Runs, columns: Mapping[str, str]) -> list[Cell] | None:
    seeds = sorted(runs.get(arm, {}).keys() & runs.get(reference, {}).keys())
    if len(seeds) < 2:
        return None

    def values(name: str, key: str) -> list[float]:
        return [100 * float(runs[name][seed][key]) for seed in seeds]

    differences = [paired_interval(values(arm, key), values(reference, key), method="t") for key in columns]
    return [arm, reference, len(seeds), *differences]


def _parsed(key: str, value: Any) -> Any:
    if not isinstance(value, str) or key == "arm":
        return value
    return json.loads(value)
