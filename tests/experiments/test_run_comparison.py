"""Training runs of a comparison and their report."""

from __future__ import annotations

import pytest
from rich.console import Console
from scipy import stats

from camaug.experiments.comparison import Comparison
from camaug.experiments.comparison_folder import TrainingFailedError
from camaug.experiments.run_comparison import run_comparison
from tests.experiments.comparison_data import ARMS, trained

QUIET = Console(quiet=True)


def test_the_report_by_hand(comparison):
    report, failures = run_comparison(comparison, trained, QUIET)
    assert failures == {}
    table = report.table("equal epochs")
    assert table.column("arm") == ["none", "usual", "costly"]
    assert table.column("last epoch") == pytest.approx([72, 73.6666667, 75])
    assert table.column("sd") == pytest.approx([2, 2.3094, 2.6458], abs=1e-4)
    assert table.column("best epoch") == pytest.approx([73, 74.6666667, 76])
    assert table.column("compute") == pytest.approx([1, 1.1, 2.8])
    nothing, usual, costly = table.column("minus reference")
    assert nothing is None
    differences = stats.ttest_rel([71, 75, 75], [70, 72, 74])
    interval = differences.confidence_interval(0.95)
    assert (usual.value, usual.low, usual.high) == pytest.approx((5 / 3, interval.low, interval.high))
    assert costly.value == pytest.approx(3)
    equal = report.table("equal compute")
    assert equal.column("arm") == ["usual", "costly"]
    assert equal.column("reference") == ["4 epochs", "12 epochs"]
    assert [cell.value for cell in equal.column("minus reference")] == pytest.approx([5 / 3, -1])
    assert report.table("attention").column("over_all")[2].value == pytest.approx(0.375)
    assert len(report.table("runs").rows) == 12
    curve = report.curves[0].series["none"]
    assert (curve[0], curve[1]) == ([1, 2, 3, 4], pytest.approx([50, 50, 73, 72]))


def test_failed_runs_do_not_stop_the_others_and_are_reported(comparison):
    def sometimes(run):
        if (run.arm, run.seed) in (("usual", 1), ("costly", 0), ("costly", 1), ("costly", 2)):
            raise TrainingFailedError("no memory")
        return trained(run)

    report, failures = run_comparison(comparison, sometimes, QUIET)
    assert failures["usual, seed 1"] == "no memory"
    assert len(failures) == 4
    assert "failed: costly, seed 2" in report.notes
    table = report.table("equal epochs")
    assert table.column("arm") == ["none", "usual"]
    assert table.column("seeds") == [3, 2]
    assert table.column("minus reference")[1].value == pytest.approx(1)  # of the seeds that both have


def test_a_missing_reference_or_metric_is_an_error(comparison):
    def never(run):
        raise TrainingFailedError("no memory")

    with pytest.raises(ValueError, match="there is no result of the arm 'none'"):
        run_comparison(comparison, never, QUIET)
    with pytest.raises(
        ValueError, match="`metric` 'val/f1' is not among what none logged: cam_eval/over_all, val/accuracy"
    ):
        run_comparison(Comparison(ARMS, seeds=[0], metric="val/f1"), trained, QUIET)
