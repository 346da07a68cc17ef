"""Planned length of a training run in epochs, steps and validations."""

from __future__ import annotations

import math

import lightning as L

from .stages import runs_validation

__all__ = ["is_one_epoch", "planned_epochs", "planned_steps", "planned_validations"]


def planned_steps(trainer: L.Trainer) -> int | None:
    """Return the number of steps with one optimiser, or None if neither the data nor the Trainer limits it."""
    limits = []
    if trainer.max_steps >= 0:
        limits.append(trainer.max_steps)
    if _has_max_epochs(trainer) and math.isfinite(trainer.num_training_batches):
        limits.append((trainer.max_epochs or 0) * _steps_an_epoch(trainer))
    return min(limits, default=None)


def planned_epochs(trainer: L.Trainer) -> int | None:
    """Return the number of epochs, the last one maybe unfinished, or None if it is unknown."""
    limits = [trainer.max_epochs or 0] if _has_max_epochs(trainer) else []
    if trainer.max_steps >= 0 and math.isfinite(trainer.num_training_batches):
        limits.append(math.ceil(trainer.max_steps / max(_steps_an_epoch(trainer), 1)))
    return min(limits, default=None)


def planned_validations(trainer: L.Trainer) -> int | None:
    """Return the number of validations, or None if it is unknown."""
    batches, every_n_epochs = trainer.num_training_batches, trainer.check_val_every_n_epoch
    every_n_batches, epochs, steps = trainer.val_check_batch, planned_epochs(trainer), planned_steps(trainer)
    if not runs_validation(trainer):
        return 0
    if every_n_batches is None:  # Lightning validates by the clock
        return None
    if not math.isfinite(every_n_batches):  # at the end of each epoch
        return None if epochs is None else epochs // (every_n_epochs or 1)
    if every_n_epochs is not None and math.isfinite(batches):
        return None if epochs is None else epochs // every_n_epochs * int(batches // every_n_batches)
    return None if steps is None else steps * trainer.accumulate_grad_batches // int(every_n_batches)


def is_one_epoch(trainer: L.Trainer) -> bool:
    """Return True if ``max_steps`` ends the run within the first epoch, as far as the epoch's length is known."""
    return 0 <= trainer.max_steps <= _steps_an_epoch(trainer)


def _steps_an_epoch(trainer: L.Trainer) -> int:
    batches = trainer.num_training_batches / trainer.accumulate_grad_batches
    return math.ceil(batches) if math.isfinite(batches) else 10**18


def _has_max_epochs(trainer: L.Trainer) -> bool:
    return trainer.max_epochs is not None and trainer.max_epochs >= 0
