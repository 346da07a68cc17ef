"""Share of the training steps' time that augmentation takes."""

from __future__ import annotations

from contextlib import AbstractContextManager

import torch

from .._trainer.stopwatch import Stopwatch

__all__ = ["StepTimeShare"]


class StepTimeShare:
    """Measurement of the augmentation's share of the steps' time.

    Args:
        device: The device that trains.
    """

    def __init__(self, device: torch.device) -> None:
        self._augmentation = Stopwatch(device)
        self._step = Stopwatch(device)

    def start_step(self) -> None:
        """Start a step, before its augmentation."""
        self._step.start()

    def augmenting(self) -> AbstractContextManager[None]:
        """Measure the block as augmentation."""
        return self._augmentation.running()

    def end_step(self) -> None:
        """End the step."""
        self._step.stop()

    def read(self) -> float:
        """Return the share since the last call, in [0, 1]."""
        augmentation, steps = self._augmentation.read(), self._step.read()
        return augmentation / steps if steps > 0 else 0.0
