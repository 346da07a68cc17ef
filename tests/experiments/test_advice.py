from __future__ import annotations

import pytest

from camaug.experiments.advice import advice
from camaug.experiments.training_run import RunResult, TrainingRun

CONTROLS = {"hide-salient": "hide-random"}
NONE = (0.70, 0.72, 0.71)


def results(seeds: int = 3, **accuracies: tuple[float, ...]) -> list[RunResult]:
    seconds = {"none": 10.0, "hide-salient": 13.0, "hide-random": 12.0}
    return [
        RunResult(TrainingRun(arm, seed, {}), 5, 20, seconds[arm], {}, {"val/accuracy": values[seed]})
        for arm, values in {"none": NONE, **{name.replace("_", "-"): each for name, each in accuracies.items()}}.items()
        for seed in range(seeds)
    ]


@pytest.mark.parametrize(
    ("recipe", "control", "verdict"),
    [
        ((0.80, 0.83, 0.81), (0.70, 0.72, 0.72), "yes: better than none and than its control"),
        ((0.80, 0.83, 0.81), (0.80, 0.81, 0.83), "its control does as well"),
        ((0.60, 0.61, 0.61), (0.70, 0.72, 0.71), "no: it loses"),
        ((0.75, 0.69, 0.73), (0.70, 0.72, 0.71), "no difference is shown"),
    ],
)
def test_verdicts(recipe, control, verdict):
    table = advice(results(hide_salient=recipe, hide_random=control), CONTROLS, "none", "val/accuracy")
    (row,) = table.rows
    assert row[0] == "hide-salient"
    assert row[1].value == pytest.approx(100 * sum(a - b for a, b in zip(recipe, NONE, strict=True)) / 3)
    assert row[3:5] == ["hide-random", pytest.approx(1.3)]
    assert row[5].startswith(verdict)


def test_one_seed_promises_nothing():
    table = advice(results(1, hide_salient=(0.9,), hide_random=(0.6,)), CONTROLS, "none", "val/accuracy")
    assert table.rows[0][5] == "not known: more seeds are needed"


def test_more_recipes_need_more_confidence():
    runs = results(hide_salient=(0.72, 0.75, 0.73), hide_random=NONE)
    controls = {**CONTROLS, "another": "missing"}
    single = advice(runs, CONTROLS, "none", "val/accuracy").rows[0][1]
    one_of_two = advice(runs, controls, "none", "val/accuracy").rows[0][1]
    assert one_of_two.low < single.low
