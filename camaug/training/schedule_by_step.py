"""A learning-rate schedule in epochs as a function of the Trainer's optimiser steps."""

from __future__ import annotations

import math
from collections.abc import Callable

import lightning as L

from camaug.training.schedules import Schedule, learning_rate_factor

__all__ = ["schedule_by_step"]


def schedule_by_step(
    trainer: L.Trainer, *, schedule: Schedule, warmup_epochs: float, step_epochs: float, step_gamma: float
) -> Callable[[int], float]:
    """Return the function from a global step to the factor of the learning rate.

    Args:
        trainer: The Trainer that is about to fit.
        schedule: See :func:`camaug.training.schedules.learning_rate_factor`, as for the others.
        warmup_epochs: Epochs of linear warm-up.
        step_epochs: Epochs between two steps.
        step_gamma: Factor of each step.

    Raises:
        ValueError: If the schedule needs an end or a number of batches that the Trainer does not have.
    """
    if schedule == "constant" and warmup_epochs == 0:
        return lambda step: 1.0
    steps = trainer.estimated_stepping_batches
    if schedule == "cosine" and steps == float("inf"):
        raise ValueError("the cosine schedule needs an end: set trainer.max_epochs, or choose another schedule")
    if trainer.train_dataloader is None:  # not yet counted where `max_steps` alone is given
        trainer.fit_loop.setup_data()
    batches = trainer.num_training_batches
    if batches == float("inf"):
        raise ValueError(
            f"the {schedule} schedule with {warmup_epochs} epochs of warm-up counts epochs, and the training data have "
            "no length: set trainer.limit_train_batches, or choose the constant schedule without warm-up"
        )
    # The last batches of an epoch are a step too where accumulation does not divide their number.
    steps_per_epoch = max(math.ceil(batches / trainer.accumulate_grad_batches), 1)

    def factor(step: int) -> float:
        return learning_rate_factor(
            step / steps_per_epoch,
            schedule=schedule,
            total_epochs=steps / steps_per_epoch,
            warmup_epochs=warmup_epochs,
            step_epochs=step_epochs,
            step_gamma=step_gamma,
        )

    return factor
