"""The training runs that a comparison needs."""

from __future__ import annotations

import pytest

from camaug.experiments.comparison import Comparison, round_up_length
from tests.experiments.comparison_data import ARMS, trained


def test_the_runs_are_every_arm_with_every_seed(comparison):
    runs = list(comparison.runs())
    assert [(t.seed, t.arm) for t in runs][:4] == [(0, "none"), (0, "usual"), (0, "costly"), (1, "none")]
    assert len(runs) == 9
    assert runs[1].settings == ARMS["usual"]
    some = Comparison(ARMS, seeds=[4], only=["costly"])
    assert [t.arm for t in some.runs()] == ["none", "costly"]


def test_at_equal_compute_the_reference_is_trained_as_long_as_costlier_arms(comparison):
    results = [trained(run) for run in comparison.runs()]
    longer = comparison.longer_references(results)
    assert [(t.arm, t.seed, t.epochs, t.group) for t in longer] == [
        ("none", seed, 12, "none-12-epochs")
        for seed in range(3)  # 2.8 times, rounded up to three
    ]
    assert Comparison(ARMS, seeds=[0], equal_compute=False).longer_references(results) == []
    assert [round_up_length(cost) for cost in (1.19, 1.21, 2.4, 2.5, 1000)] == [1, 1.5, 2, 3, 32]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"reference": "nothing"}, "`reference` must be one of the arms usual, none, costly, got 'nothing'"),
        ({"only": ["mixup"]}, "unknown arms mixup, expected some of usual, none, costly"),
        ({"seeds": [1, 1]}, r"`seeds` must be one or more different numbers, got \[1, 1\]"),
        (
            {"arms": {"none": None}},
            "the arm 'none' must be sections of a configuration, {} for none, got None",
        ),
        (
            {"arms": {"none": {}, "../out": {}}},
            "an arm's name is the name of its folder, too, which '../out' cannot be on every system: '_out' could",
        ),
        ({"arms": {"none": {}, "con": {}}}, "which 'con' cannot be on every system: 'con_' could"),
        ({"arms": {"none": {}, "None": {}}}, "an arm's name is the name of its folder, too, which 'none' cannot be"),
    ],
)
def test_impossible_comparisons_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        Comparison(**{"arms": ARMS, **settings})
