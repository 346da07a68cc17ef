"""`advice`, the table that says which recipe is worth its price."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from camaug.experiments.compare_results import final_value
from camaug.experiments.comparison import relative_costs
from camaug.experiments.mean_interval import paired_interval
from camaug.experiments.table import Cell, Interval, Table
from camaug.experiments.training_run import RunResult

__all__ = ["advice"]


def advice(results: Sequence[RunResult], controls: Mapping[str, str], reference: str, metric: str) -> Table:
    """Return a row for each recipe: its gain over no augmentation and over its control, its price and a verdict.

    A recipe is worth trying on the whole training if both intervals are above 0. The confidence is divided among the
    recipes (Bonferroni), so that trying many does not make one win by chance.

    Args:
        results: Results of the training runs.
        controls: The control's name, by the recipe's.
        reference: Name of the arm without augmentation.
        metric: The metric that is compared, in [0, 1].
    """
    confidence = 1 - 0.05 / max(len(controls), 1)
    costs = relative_costs(results, reference)
    rows: list[list[Cell]] = []
    for recipe, control in controls.items():
        gains = [_gain(results, recipe, other, metric, confidence) for other in (reference, control)]
        rows.append([recipe, *gains, control, costs.get(recipe), _verdict(gains)])
    name = f"{metric}, points"
    columns = ["recipe", f"{name}, minus {reference}", "minus its control", "control", "compute", "advice"]
    formats = dict.fromkeys(columns[1:3], "{:+.1f}") | {"compute": "{:.2f}"}
    note = (
        f"Intervals are {100 * confidence:.3g} % confidence intervals of the mean paired difference over the seeds, by "
        "Student's t. Short runs: a longer training may turn out otherwise."
    )
    return Table("advice", columns, rows, formats, [note])


def _gain(results: Sequence[RunResult], arm: str, other: str, metric: str, confidence: float) -> Interval | None:
    values, others = (
        {each.run.seed: 100 * final_value(each, metric) for each in results if each.run.arm == name}
        for name in (arm, other)
    )
    seeds = sorted(values.keys() & others.keys())
    if not seeds:
        return None
    pair = ([group[seed] for seed in seeds] for group in (values, others))
    return paired_interval(*pair, confidence=confidence, method="t")


def _verdict(gains: Sequence[Interval | None]) -> str:
    known = [gain for gain in gains if gain is not None and gain.low is not None and gain.high is not None]
    if len(known) < len(gains):
        return "not known: more seeds are needed"
    over_none = known[0]
    if over_none.high is not None and over_none.high < 0:
        return "no: it loses"
    if all(gain.low is not None and gain.low > 0 for gain in known):
        return "yes: better than none and than its control"
    if over_none.low is not None and over_none.low > 0:
        return "its control does as well: the maps are not shown to matter"
    return "no difference is shown: more seeds, more validation images or a longer training may show one"
