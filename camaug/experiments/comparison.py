"""`Comparison`, the training runs that compare augmentations over several seeds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from camaug.experiments.training_run import RunResult, TrainingRun
from camaug.utils.portable_names import portable_names

__all__ = ["Comparison", "relative_costs", "round_up_length"]

_LENGTHS = (1, 1.5, 2, 3, 4, 6, 8, 12, 16, 24, 32)
"""Lengths of the reference's runs at equal compute, relative to its own; few, so that arms share them."""


@dataclass(frozen=True)
class Comparison:
    """Arms and seeds of a comparison, the section ``compare`` of a configuration.

    Attributes:
        arms: Name of each arm and its differences from the rest of the file, as sections of a configuration of ``fit``.
        seeds: Seeds that every arm is trained with.
        output: Folder of the training runs and of the report.
        reference: The arm that the others are compared with.
        metric: The logged metric that is compared; higher is better.
        equal_compute: If true, the reference is also trained for as long as each arm that costs more.
        only: The arms to train, besides the reference; none for all.

    Raises:
        ValueError: If there are no arms or seeds, or the reference is not among the arms.
    """

    arms: Mapping[str, Mapping[str, Any]]
    seeds: Sequence[int] = (0, 1, 2, 3, 4)
    output: str = "runs/compare"
    reference: str = "none"
    metric: str = "val/accuracy"
    equal_compute: bool = True
    only: Sequence[str] = field(default=())

    def __post_init__(self) -> None:
        if self.reference not in self.arms:
            raise ValueError(f"`reference` must be one of the arms {', '.join(self.arms)}, got {self.reference!r}")
        unknown = sorted(set(self.only) - set(self.arms))
        if unknown:
            raise ValueError(f"unknown arms {', '.join(unknown)}, expected some of {', '.join(self.arms)}")
        if not self.seeds or len(set(self.seeds)) < len(self.seeds):
            raise ValueError(f"`seeds` must be one or more different numbers, got {list(self.seeds)}")
        folders = portable_names(self.arms)
        for name, settings in self.arms.items():
            if not isinstance(settings, Mapping):
                raise ValueError(
                    f"the arm {name!r} must be sections of a configuration, {{}} for none, got {settings!r}"
                )
            if name != folders[name] or name.startswith("."):
                raise ValueError(
                    f"an arm's name is the name of its folder, too, which {name!r} cannot be on every system: "
                    f"{folders[name].lstrip('.')!r} could"
                )

    def runs(self) -> Iterator[TrainingRun]:
        """Yield every arm with every seed, seed by seed, the reference first, so that early results are comparable."""
        names = [name for name in self.arms if not self.only or name in self.only or name == self.reference]
        names.sort(key=lambda name: name != self.reference)
        for seed in self.seeds:
            yield from (TrainingRun(name, seed, self.arms[name]) for name in names)

    def longer_references(self, results: Sequence[RunResult]) -> list[TrainingRun]:
        """Return runs of the reference that last as long as the arms that cost more, rounded up to a few lengths."""
        if not self.equal_compute:
            return []
        epochs = {result.epochs for result in results if result.run.arm == self.reference}
        if not epochs:
            return []
        costs = relative_costs(results, self.reference)
        lengths = {round_up_length(cost) for arm, cost in costs.items() if arm != self.reference}
        return [
            TrainingRun(self.reference, seed, self.arms[self.reference], epochs=round(max(epochs) * length))
            for length in sorted(lengths)
            if length > 1
            for seed in self.seeds
        ]


def relative_costs(results: Sequence[RunResult], reference: str) -> dict[str, float]:
    """Return each arm's median time for a step over the seeds, divided by the reference's."""
    steps: dict[str, list[float]] = {}
    for result in results:
        if result.run.epochs is None:
            steps.setdefault(result.run.arm, []).append(result.seconds / result.steps)
    if reference not in steps:
        return {}
    return {arm: median(times) / median(steps[reference]) for arm, times in steps.items()}


def round_up_length(cost: float) -> float:
    """Return the smallest length that is at most a fifth below a cost, or else the largest length.

    Example:
        >>> [round_up_length(cost) for cost in (0.9, 1.15, 1.4, 5.0, 100.0)]
        [1, 1, 1.5, 6, 32]
    """
    return next((length for length in _LENGTHS if cost <= 1.2 * length), _LENGTHS[-1])
