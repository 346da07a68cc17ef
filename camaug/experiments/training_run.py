"""The training runs of a comparison, and their results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["RunResult", "TrainingRun"]


@dataclass(frozen=True)
class TrainingRun:
    """One arm of a comparison with one seed.

    Attributes:
        arm: Name of the arm.
        seed: Seed of the initial weights, the order of the data, and every random choice.
        settings: Differences from the common configuration, as sections of a configuration of ``fit``.
        epochs: Epochs to train; None for the configuration's own.
    """

    arm: str
    seed: int
    settings: Mapping[str, Any]
    epochs: int | None = None

    @property
    def group(self) -> str:
        """Name of the runs that differ only in the seed, of their folder, and of their TensorBoard runs."""
        return self.arm if self.epochs is None else f"{self.arm}-{self.epochs}-epochs"


@dataclass(frozen=True)
class RunResult:
    """Result of a training run.

    Attributes:
        run: The training run.
        epochs: Number of trained epochs.
        steps: Number of optimiser steps.
        seconds: Wall-clock time of the training epochs, without validation.
        history: Values of every logged metric after each epoch.
        final: Last value of every logged metric.
    """

    run: TrainingRun
    epochs: int
    steps: int
    seconds: float
    history: Mapping[str, Sequence[float]]
    final: Mapping[str, float]
