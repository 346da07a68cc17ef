"""What came of the trainings of a comparison, as tables and curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean, median, stdev

from camaug.experiments.report import Cell, Curves, Interval, Report, Table
from camaug.experiments.statistics import mean_interval, paired_interval
from camaug.experiments.trainings import Record

__all__ = ["compare_records", "value_of"]

Runs = Mapping[int, Record]
"""The records of one arm, by seed."""


def compare_records(records: Sequence[Record], reference: str, metric: str, notes: tuple[str, ...] = ()) -> Report:
    """The report of a comparison.

    Args:
        records: What came of the trainings.
        reference: The arm that the others are compared with.
        metric: The metric that is compared, in [0, 1].
        notes: Remarks, the trainings that failed for example.

    Returns:
        Tables: ``equal epochs``; ``equal compute``, where the reference was trained longer too; ``attention``, where
        there are metrics under ``cam/``; ``runs``, every one of them. And the metric by epoch.

    Raises:
        ValueError: If nothing came of the reference, or the metric was not logged.
    """
    arms: dict[str, dict[int, Record]] = {}
    longer: dict[int, dict[int, Record]] = {}
    for record in records:
        training = record.training
        group = arms.setdefault(training.arm, {}) if training.epochs is None else longer.setdefault(record.epochs, {})
        group[training.seed] = record
    if reference not in arms:
        raise ValueError(f"nothing came of the arm {reference!r}, which the others are compared with: see what failed")
    for record in records:
        value_of(record, metric)
    tables = [_equal_epochs(arms, reference, metric)]
    if longer:
        tables.append(_equal_compute(arms, longer, reference, metric))
    attention = sorted({name for record in records for name in record.final if name.startswith("cam/")})
    if attention:
        tables.append(_attention(arms, reference, attention))
    tables.append(_runs(records, metric, attention))
    seeds = len({record.training.seed for record in records})
    about = (
        f"{metric} in percent. Seeds: {seeds}. Intervals are 95 % confidence intervals of the mean paired difference "
        "by Student's t, and one without 0 in it speaks of a difference. Of twenty arms that do not differ from the "
        f"reference, one is expected to have such an interval all the same; here are {len(arms) - 1}.",
    )
    return Report("What the arms are worth", tables, [_by_epoch(arms, metric)], notes=about + notes)


def value_of(record: Record, metric: str) -> float:
    """The last value of a metric.

    Raises:
        ValueError: If it was not logged.
    """
    if metric not in record.final:
        raise ValueError(
            f"`metric` {metric!r} is not among what {record.training.arm} logged: {', '.join(sorted(record.final))}"
        )
    return record.final[metric]


def _equal_epochs(arms: Mapping[str, Runs], reference: str, metric: str) -> Table:
    step = median(record.seconds / record.steps for record in arms[reference].values())
    columns = ["arm", "seeds", "last epoch", "sd", "minus reference", "best epoch", "s a step", "compute"]
    rows: list[list[Cell]] = []
    for arm, runs in arms.items():
        last = [100 * record.final[metric] for record in runs.values()]
        best = fmean(100 * max(record.history[metric]) for record in runs.values())
        seconds = median(record.seconds / record.steps for record in runs.values())
        spread = stdev(last) if len(last) > 1 else None
        difference = None if arm == reference else _difference(runs, arms[reference], metric)
        rows.append([arm, len(runs), fmean(last), spread, difference, best, seconds, seconds / step])
    formats = dict.fromkeys(["last epoch", "sd", "minus reference", "best epoch"], "{:.1f}")
    return Table("equal epochs", columns, rows, {**formats, "s a step": "{:.3f}", "compute": "{:.2f}"})


def _equal_compute(arms: Mapping[str, Runs], longer: Mapping[int, Runs], reference: str, metric: str) -> Table:
    """Every arm beside the reference at the shortest training that took no less time, as far as there is one."""
    own = arms[reference]
    lengths = {next(iter(own.values())).epochs: own, **longer}
    rows: list[list[Cell]] = []
    for arm, runs in arms.items():
        if arm == reference:
            continue
        cost = median(record.seconds for record in runs.values())
        times = {epochs: median(record.seconds for record in group.values()) for epochs, group in lengths.items()}
        # A fifth is what the clock of a busy machine is worth.
        epochs = min((e for e, time in times.items() if time >= cost / 1.2), default=max(times))
        against = lengths[epochs]
        mean = fmean(100 * record.final[metric] for record in runs.values())
        other = fmean(100 * record.final[metric] for record in against.values())
        difference = _difference(runs, against, metric)
        rows.append([arm, cost, mean, f"{epochs} epochs", times[epochs], other, difference])
    columns = ["arm", "s", "last epoch", "reference", "s of the reference", "its last epoch", "minus reference"]
    formats = dict.fromkeys(["last epoch", "its last epoch", "minus reference"], "{:.1f}")
    return Table("equal compute", columns, rows, {**formats, "s": "{:.0f}", "s of the reference": "{:.0f}"})


def _attention(arms: Mapping[str, Runs], reference: str, names: Sequence[str]) -> Table:
    rows: list[list[Cell]] = []
    for arm, runs in arms.items():
        row: list[Cell] = [arm]
        for name in names:
            values = [record.final[name] for record in runs.values() if name in record.final]
            row.append(mean_interval(values, method="t") if values else None)
        rows.append(row)
    columns = ["arm", *(name.removeprefix("cam/") for name in names)]
    note = "Each model is explained by its own maps; intervals are of the mean over the seeds."
    return Table("attention", columns, rows, dict.fromkeys(columns[1:], "{:.3f}"), [note])


def _runs(records: Sequence[Record], metric: str, attention: Sequence[str]) -> Table:
    rows: list[list[Cell]] = [
        [
            record.training.folder,
            record.training.seed,
            record.epochs,
            record.steps,
            record.seconds,
            *(record.final.get(name) for name in (metric, *attention)),
        ]
        for record in records
    ]
    return Table("runs", ["run", "seed", "epochs", "steps", "s", metric, *attention], rows, {"s": "{:.0f}"})


def _by_epoch(arms: Mapping[str, Runs], metric: str) -> Curves:
    series = {}
    for arm, runs in arms.items():
        histories = [record.history[metric] for record in runs.values()]
        length = min(len(history) for history in histories)
        means = [100 * fmean(history[epoch] for history in histories) for epoch in range(length)]
        series[arm] = (list(range(1, length + 1)), means)
    return Curves("by epoch", "epoch", f"{metric}, %, mean over the seeds", series)


def _difference(runs: Runs, reference: Runs, metric: str) -> Interval | None:
    """The paired difference over the seeds that both have."""
    shared = sorted(set(runs) & set(reference))
    if not shared:
        return None
    values, others = ([100 * group[seed].final[metric] for seed in shared] for group in (runs, reference))
    return paired_interval(values, others, method="t")
