"""`run_comparison`, which trains everything that a comparison needs and reports the results."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from rich.console import Console

from camaug.experiments.compare_results import compare_results, final_value
from camaug.experiments.comparison import Comparison
from camaug.experiments.comparison_folder import TrainingFailedError
from camaug.experiments.report import Report
from camaug.experiments.training_run import RunResult, TrainingRun

__all__ = ["run_comparison"]

Train = Callable[[TrainingRun], RunResult]


def run_comparison(comparison: Comparison, train: Train, console: Console) -> tuple[Report, dict[str, str]]:
    """Train every run of a comparison. Failed runs do not stop the others.

    Args:
        comparison: The comparison.
        train: Returns the result of a run: loads it if the run was finished before, else trains.
        console: Console for the progress.

    Returns:
        The report, and the reason for each run that failed.

    Raises:
        ValueError: If all runs of the reference failed, so that there is nothing to compare with.
    """
    progress = _Progress(comparison, train, console)
    progress.train_all(list(comparison.runs()))
    progress.train_all(comparison.longer_references(progress.results))
    notes = tuple(f"failed: {name}" for name in progress.failures)
    report = compare_results(progress.results, comparison.reference, comparison.metric, notes)
    return report, progress.failures


@dataclass
class _Progress:
    comparison: Comparison
    train: Train
    console: Console
    results: list[RunResult] = field(default_factory=list)
    failures: dict[str, str] = field(default_factory=dict)

    def train_all(self, runs: list[TrainingRun]) -> None:
        for number, run in enumerate(runs, start=1):
            self._train(run, f"{number}/{len(runs)}")

    def _train(self, run: TrainingRun, position: str) -> None:
        name = f"{run.group}, seed {run.seed}"
        try:
            result = self.train(run)
        except TrainingFailedError as failure:
            self.failures[name] = str(failure)
            self.console.print(f"[red]failed[/] {position} {name}")
            self.console.print(str(failure), markup=False, highlight=False, soft_wrap=True)
            return
        self.results.append(result)
        metric = self.comparison.metric
        score = final_value(result, metric)
        self.console.print(f"{position} {name}: {metric} {score:.4f}, {result.seconds:.0f} s")
