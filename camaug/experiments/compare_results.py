"""`compare_results`, the report of a comparison's training runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean, median, stdev

from camaug.experiments.mean_interval import mean_interval, paired_interval
from camaug.experiments.report import Curves, Report
from camaug.experiments.table import Cell, Interval, Table
from camaug.experiments.training_run import RunResult

__all__ = ["compare_results", "final_value"]

Results = Mapping[int, RunResult]
"""Results of the runs of one arm, by seed."""


def compare_results(results: Sequence[RunResult], reference: str, metric: str, notes: tuple[str, ...] = ()) -> Report:
    """Return the report of a comparison.

    Args:
        results: Results of the training runs.
        reference: The arm that the others are compared with.
        metric: The metric that is compared, in [0, 1].
        notes: Further notes, on failed runs for example.

    Returns:
        The tables ``equal epochs``; ``equal compute`` if the reference was also trained longer; ``attention`` if there
        are metrics under ``cam_eval/``; and ``runs`` with every run. The curves show the metric by epoch.

    Raises:
        ValueError: If there is no result of the reference, or the metric was not logged.
    """
    arms: dict[str, dict[int, RunResult]] = {}
    longer: dict[int, dict[int, RunResult]] = {}
    for result in results:
        final_value(result, metric)
        run = result.run
        group = arms.setdefault(run.arm, {}) if run.epochs is None else longer.setdefault(result.epochs, {})
        group[run.seed] = result
    if reference not in arms:
        raise ValueError(
            f"there is no result of the arm {reference!r}, which the others are compared with: see what failed"
        )
    tables = [_equal_epochs(arms, reference, metric)]
    if longer:
        tables.append(_equal_compute(arms, longer, reference, metric))
    attention = sorted({name for result in results for name in result.final if name.startswith("cam_eval/")})
    if attention:
        tables.append(_attention(arms, attention))
    tables.append(_all_runs(results, metric, attention))
    seeds = len({result.run.seed for result in results})
    intervals_note = (
        f"{metric} in percent. Seeds: {seeds}. Intervals are 95 % confidence intervals of the mean paired difference "
        "by Student's t; an interval without 0 indicates a difference. Of twenty arms that do not differ from the "
        f"reference, one is expected to have such an interval by chance. Arms here: {len(arms) - 1}."
    )
    return Report("Comparison of the arms", tables, [_by_epoch(arms, metric)], notes=(intervals_note, *notes))


def final_value(result: RunResult, metric: str) -> float:
    """Return the last value of a metric.

    Raises:
        ValueError: If it was not logged.
    """
    if metric not in result.final:
        raise ValueError(
            f"`metric` {metric!r} is not among what {result.run.arm} logged: {', '.join(sorted(result.final))}"
        )
    return result.final[metric]


def _equal_epochs(arms: Mapping[str, Results], reference: str, metric: str) -> Table:
    reference_step = _median_step(arms[reference])
    rows: list[list[Cell]] = []
    for arm, results in arms.items():
        last = [100 * result.final[metric] for result in results.values()]
        best = fmean(100 * max(result.history[metric]) for result in results.values())
        step = _median_step(results)
        spread = stdev(last) if len(last) > 1 else None
        difference = None if arm == reference else _difference(results, arms[reference], metric)
        rows.append([arm, len(results), fmean(last), spread, difference, best, step, step / reference_step])
    columns = ["arm", "seeds", "last epoch", "sd", "minus reference", "best epoch", "s per step", "compute"]
    formats = dict.fromkeys(["last epoch", "sd", "minus reference", "best epoch"], "{:.1f}")
    return Table("equal epochs", columns, rows, {**formats, "s per step": "{:.3f}", "compute": "{:.2f}"})


def _equal_compute(arms: Mapping[str, Results], longer: Mapping[int, Results], reference: str, metric: str) -> Table:
    """Compare every arm with the shortest runs of the reference that took no less time, or else with the longest."""
    own = arms[reference]
    references = {next(iter(own.values())).epochs: own, **longer}
    times = {epochs: _median_time(results) for epochs, results in references.items()}
    rows: list[list[Cell]] = []
    for arm, results in arms.items():
        if arm == reference:
            continue
        time = _median_time(results)
        # Times on a busy machine vary by about a fifth.
        epochs = min((epochs for epochs in times if times[epochs] >= time / 1.2), default=max(times))
        other = references[epochs]
        rows.append(
            [
                arm,
                time,
                _mean_percent(results, metric),
                f"{epochs} epochs",
                times[epochs],
                _mean_percent(other, metric),
                _difference(results, other, metric),
            ]
        )
    columns = ["arm", "s", "last epoch", "reference", "reference, s", "reference, last epoch", "minus reference"]
    formats = dict.fromkeys(["last epoch", "reference, last epoch", "minus reference"], "{:.1f}")
    return Table("equal compute", columns, rows, {**formats, "s": "{:.0f}", "reference, s": "{:.0f}"})


def _attention(arms: Mapping[str, Results], names: Sequence[str]) -> Table:
    rows: list[list[Cell]] = []
    for arm, results in arms.items():
        row: list[Cell] = [arm]
        for name in names:
            values = [result.final[name] for result in results.values() if name in result.final]
            row.append(mean_interval(values, method="t") if values else None)
        rows.append(row)
    columns = ["arm", *(name.removeprefix("cam_eval/") for name in names)]
    note = "Each model is explained by its own maps. The intervals are of the mean over the seeds."
    return Table("attention", columns, rows, dict.fromkeys(columns[1:], "{:.3f}"), [note])


def _all_runs(results: Sequence[RunResult], metric: str, attention: Sequence[str]) -> Table:
    rows: list[list[Cell]] = [
        [
            result.run.group,
            result.run.seed,
            result.epochs,
            result.steps,
            result.seconds,
            *(result.final.get(name) for name in (metric, *attention)),
        ]
        for result in results
    ]
    return Table("runs", ["run", "seed", "epochs", "steps", "s", metric, *attention], rows, {"s": "{:.0f}"})


def _by_epoch(arms: Mapping[str, Results], metric: str) -> Curves:
    series = {}
    for arm, results in arms.items():
        histories = [result.history[metric] for result in results.values()]
        length = min(len(history) for history in histories)
        means = [100 * fmean(history[epoch] for history in histories) for epoch in range(length)]
        series[arm] = (list(range(1, length + 1)), means)
    return Curves("by epoch", "epoch", f"{metric}, %, mean over the seeds", series)


def _difference(results: Results, reference: Results, metric: str) -> Interval | None:
    """Return the paired difference over the seeds that both have, in points."""
    seeds = sorted(set(results) & set(reference))
    if not seeds:
        return None
    values, others = ([100 * group[seed].final[metric] for seed in seeds] for group in (results, reference))
    return paired_interval(values, others, method="t")


def _mean_percent(results: Results, metric: str) -> float:
    return fmean(100 * result.final[metric] for result in results.values())


def _median_step(results: Results) -> float:
    return median(result.seconds / result.steps for result in results.values())


def _median_time(results: Results) -> float:
    return median(result.seconds for result in results.values())
