"""Learning-rate schedules as pure functions of the epoch."""

from __future__ import annotations

import math
from typing import Literal

from camaug.utils.check_types import check_types

__all__ = ["Schedule", "learning_rate_factor"]

Schedule = Literal["constant", "step", "cosine"]


def learning_rate_factor(
    epoch: float,
    *,
    schedule: Schedule,
    total_epochs: float,
    warmup_epochs: float = 0.0,
    step_epochs: float = 15.0,
    step_gamma: float = 0.1,
) -> float:
    """Return the factor of the learning rate at one moment of a training run.

    Args:
        epoch: Number of epochs passed; fractions are steps within an epoch.
        schedule: ``constant``; ``step``, times ``step_gamma`` every ``step_epochs``; or ``cosine``, half a cosine from
            the end of the warm-up to 0 at the end.
        total_epochs: Length of the training run, in epochs.
        warmup_epochs: Length of the linear warm-up from 0 at the beginning, in epochs.
        step_epochs: Epochs between two steps.
        step_gamma: Factor of each step.

    Returns:
        The factor, in [0, 1].

    Raises:
        ValueError: If the schedule is unknown.

    Example:
        >>> [round(learning_rate_factor(e, schedule="cosine", total_epochs=4), 3) for e in range(5)]
        [1.0, 0.854, 0.5, 0.146, 0.0]
    """
    check_types(learning_rate_factor, {"schedule": schedule})
    if epoch < warmup_epochs:
        return epoch / warmup_epochs
    if schedule == "step":
        return float(step_gamma ** math.floor(epoch / step_epochs))
    if schedule == "cosine":
        progress = (epoch - warmup_epochs) / max(total_epochs - warmup_epochs, 1e-9)
        return 0.5 * (1 + math.cos(math.pi * min(progress, 1.0)))
    return 1.0
