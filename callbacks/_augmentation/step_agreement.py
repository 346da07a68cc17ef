"""Agreement of all processes on whether the augmented training step works."""

from __future__ import annotations

from enum import Enum

import lightning as L
import torch

__all__ = ["Outcome", "StepAgreement"]


class Outcome(Enum):
    """Outcome of a training step on one process."""

    PLAIN = 0
    WORKED = 1
    FAILED = 2


class StepAgreement:
    """Agreement of all processes on whether the augmented training step works.

    All processes must run a step equally often, because each run has collectives of its own. They agree after each step
    until it has worked with an augmented batch on every process, or has failed on one of them.

    Args:
        trainer: The trainer.
    """

    def __init__(self, trainer: L.Trainer) -> None:
        self._trainer = trainer
        self.is_open = True

    def has_failed(self, outcome: Outcome) -> bool:
        """Return True if the step failed on any process. All processes must call it after the same step."""
        outcomes = torch.zeros(len(Outcome), device=self._trainer.strategy.root_device)
        outcomes[outcome.value] = 1
        if self._trainer.world_size > 1:
            outcomes = self._trainer.strategy.reduce(outcomes, reduce_op="sum")
        plain, _, failed = outcomes.tolist()
        self.is_open = failed == 0 and plain > 0
        return bool(failed > 0)
