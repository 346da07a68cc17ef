"""Paired differences between the arms of the comparison of recipes."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.recipe_arms import ARMS, CONTROLS
from camaug.experiments.mean_interval import paired_interval
from camaug.experiments.table import Cell, Table

__all__ = ["read_runs", "summarise", "write_runs"]

CONDITION = ("data", "model", "per_class", "epochs", "marked")
COLUMNS = {
    "val_plain": "validation",
    "test_plain": "test",
    "val_wrong": "validation, wrong mark",
    "test_wrong": "test, wrong mark",
    "test_wrong_worst": "test, worst group",
    "energy_in_mark": "energy in the mark",
}
NOTE = "Points, and 95 % confidence intervals of the mean paired difference over seeds (Student's t), uncorrected."
Run = Mapping[str, Any]


def read_runs(path: Path, seeds: Sequence[int] | None = None) -> list[dict[str, Any]]:
    """Read the runs of some seeds, or of all, from a CSV file or a file of JSON lines."""
    text = path.read_text(encoding="utf-8").splitlines()
    rows = csv.DictReader(text) if path.suffix == ".csv" else map(json.loads, text)
    runs = [{key: _parsed(value) for key, value in row.items() if value not in (None, "")} for row in rows]
    return [run for run in runs if seeds is None or run["seed"] in seeds]


def write_runs(runs: Sequence[Run], path: Path) -> None:
    """Write runs as a CSV file, in the order of their conditions, arms and seeds."""
    columns = list(dict.fromkeys(key for run in runs for key in run))
    arms = list(ARMS)
    ordered = sorted(runs, key=lambda run: ([str(run[key]) for key in CONDITION], arms.index(run["arm"]), run["seed"]))
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(ordered)


def summarise(runs: Sequence[Run]) -> list[Table]:
    """Return the tables of the means and of the paired differences of each condition."""
    conditions = sorted({tuple(run[key] for key in CONDITION) for run in runs}, key=str)
    tables = []
    for condition in conditions:
        here = [run for run in runs if tuple(run[key] for key in CONDITION) == condition]
        data, model, per_class, epochs, marked = condition
        kind = "marked" if marked else "plain"
        name = f"{kind} {data}, {model}, {per_class} images of each class, {epochs} epochs"
        columns = {key: name for key, name in COLUMNS.items() if any(key in run for run in here)}
        table = _table(name, here, columns)
        if len(table.rows) > 1:  # of the plans that were not finished, some have no pair of runs
            tables.append(table)
    return tables


def _table(name: str, runs: Sequence[Run], columns: Mapping[str, str]) -> Table:
    by_arm: dict[str, dict[int, Run]] = {}
    for run in runs:
        by_arm.setdefault(run["arm"], {})[run["seed"]] = run
    rows = [row for arm, reference in _pairs() if (row := _row(arm, reference, by_arm, columns))]
    formats = dict.fromkeys(columns.values(), "{:+.1f}") | {"time": "{:.2f}"}
    return Table(name, ("arm", "minus", "seeds", "time", *columns.values()), rows, formats, [NOTE])


def _pairs() -> Iterator[tuple[str, str]]:
    yield ("none", "")
    yield from ((arm, "none") for arm in ARMS if arm != "none")
    yield from CONTROLS.items()


def _row(
    arm: str, reference: str, runs: Mapping[str, Mapping[int, Run]], columns: Mapping[str, str]
) -> list[Cell] | None:
    if not reference:
        values = [_mean([100 * float(run[key]) for run in runs.get(arm, {}).values()]) for key in columns]
        return [arm, "", len(runs[arm]), 1.0, *values] if arm in runs else None
    seeds = sorted(runs.get(arm, {}).keys() & runs.get(reference, {}).keys())
    if len(seeds) < 2:
        return None

    def values_of(name: str, key: str, factor: float = 100) -> list[float]:
        return [factor * float(runs[name][seed][key]) for seed in seeds]

    time = _mean(values_of(arm, "seconds")) / _mean(values_of(reference, "seconds"))
    differences = [paired_interval(values_of(arm, key), values_of(reference, key), method="t") for key in columns]
    return [arm, reference, len(seeds), time, *differences]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / max(len(values), 1)


def _parsed(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value.lower() if value in ("True", "False") else value)
    except json.JSONDecodeError:
        return value
