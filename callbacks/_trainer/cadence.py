"""Moments of a training run at which a callback works."""

from __future__ import annotations

import math
from typing import Any, Literal, NamedTuple

import lightning as L

from .run_length import is_one_epoch, planned_epochs, planned_steps, planned_validations
from .stages import runs_validation

__all__ = ["Cadence"]

STEP_SNAPSHOTS = 20


class _Interval(NamedTuple):
    unit: Literal["epochs", "validations", "steps", "run"]
    length: int


class Cadence:
    """Rule that says after which batches, validations and epochs a callback works, with no moment counted twice.

    At most one argument is given. Without any, a callback works with each validation; without validation, at the end
    of each epoch; and where ``max_steps`` ends the run within one epoch and no validation comes before, twenty times.
    The end of a run is a moment of every cadence.

    Args:
        every_n_epochs: Epochs between two moments, each at the end of an epoch, with the validation that is there.
        every_n_validations: Validations between two moments.
        every_n_steps: Steps between two moments, as ``trainer.global_step`` counts them.
        only_last: True for the end of the run alone.

    Raises:
        ValueError: If an interval is smaller than 1, or more than one argument is given.

    Example:
        >>> Cadence(every_n_epochs=2, every_n_steps=50)
        Traceback (most recent call last):
        ValueError: only one of every_n_epochs=2 and every_n_steps=50 can be given
    """

    def __init__(
        self,
        *,
        every_n_epochs: int | None = None,
        every_n_validations: int | None = None,
        every_n_steps: int | None = None,
        only_last: bool = False,
    ) -> None:
        lengths = {"epochs": every_n_epochs, "validations": every_n_validations, "steps": every_n_steps}
        intervals = [_Interval(unit, length) for unit, length in lengths.items() if length is not None]  # type: ignore[arg-type]
        for unit, length in intervals:
            if length < 1:
                raise ValueError(f"`every_n_{unit}` must be at least 1, got {length}")
        given = [f"every_n_{unit}={length}" for unit, length in intervals] + ["only_last=True"] * only_last
        if len(given) > 1:
            raise ValueError(f"only one of {' and '.join(given)} can be given")
        self._given = _Interval("run", 1) if only_last else next(iter(intervals), None)
        self._interval = self._given or _Interval("epochs", 1)
        self._step = 0  # of the previous call
        self._validations = 0
        self._last_batch = -1  # after which the callback worked

    def reset(self) -> None:
        """Forget the previous training run."""
        self._validations, self._last_batch = 0, -1

    def start(self, trainer: L.Trainer) -> None:
        """Choose the interval if none was given. This is called in ``on_train_start``."""
        self._interval = self._given or _default_interval(trainer)
        self._step = trainer.global_step

    def is_due_after_batch(self, trainer: L.Trainer) -> bool:
        """Return True if the callback works in ``on_train_batch_end``."""
        previous, self._step = self._step, trainer.global_step
        unit, length = self._interval
        # Gradients may be accumulated over batches, and several optimisers may step in one.
        return unit == "steps" and self._is_new(trainer, self._step // length > previous // length)

    def is_due_in_validation(self, trainer: L.Trainer) -> bool:
        """Return True if the callback works in ``on_validation_epoch_end`` of ``fit``."""
        if trainer.sanity_checking:
            return False
        self._validations += 1
        is_due = {
            "validations": self._validations % self._interval.length == 0,
            "epochs": trainer.is_last_batch and self._is_epoch_due(trainer),
        }
        return self._is_new(trainer, is_due.get(self._interval.unit, False))

    def is_due_after_epoch(self, trainer: L.Trainer) -> bool:
        """Return True if the callback works in ``on_train_epoch_end``."""
        return self._is_new(trainer, self._interval.unit == "epochs" and self._is_epoch_due(trainer))

    def is_due_at_end(self, trainer: L.Trainer) -> bool:
        """Return True if the callback works in ``on_train_end``, because it did not after the last batch."""
        return self._is_new(trainer, True)

    @property
    def is_of_validations(self) -> bool:
        """True if the callback works in validations, if any are run, rather than at steps or at the end alone."""
        return self._interval.unit in ("validations", "epochs")

    def planned(self, trainer: L.Trainer) -> int | None:
        """Return the number of moments in the whole training run, or None if it is unknown."""
        units = self._planned_units(trainer)
        return None if units is None else max(math.ceil(units / self._interval.length), 1)

    def problem(self, trainer: L.Trainer) -> str:
        """Return why the callback may work at the end alone, or an empty string."""
        if self._interval.unit == "validations" and not runs_validation(trainer):
            return "no validation is run, so every_n_validations= leaves the end of the run alone"
        planned = self._planned_units(trainer)
        if self._given is not None and planned is not None and 0 < planned < self._interval.length:
            unit, length = self._interval
            return (
                f"every_n_{unit}={length} is more than the run's {planned} {unit}, and leaves the end of the run alone"
            )
        is_endless = trainer.num_training_batches == math.inf and trainer.max_steps < 0
        if self._given is None and self._interval.unit == "epochs" and is_endless:
            return "the length of an epoch is unknown: every_n_steps= says how often, otherwise it is at an epoch's end"
        return ""

    def state_dict(self) -> dict[str, Any]:
        """Return what a resumed run needs to work at the same moments."""
        return {"validations": self._validations, "last_batch": self._last_batch}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue the interrupted run."""
        self._validations = state_dict.get("validations", 0)
        self._last_batch = state_dict.get("last_batch", -1)

    def _planned_units(self, trainer: L.Trainer) -> int | None:
        count = {"epochs": planned_epochs, "validations": planned_validations, "steps": planned_steps}
        return 1 if self._interval.unit == "run" else count[self._interval.unit](trainer)

    def _is_epoch_due(self, trainer: L.Trainer) -> bool:
        return (trainer.current_epoch + 1) % self._interval.length == 0

    def _is_new(self, trainer: L.Trainer, is_due: bool) -> bool:
        batch = trainer.fit_loop.total_batch_idx
        if not is_due or batch == self._last_batch:
            return False
        self._last_batch = batch
        return True


def _default_interval(trainer: L.Trainer) -> _Interval:
    if is_one_epoch(trainer) and not _validates_before_the_end(trainer):
        return _Interval("steps", max(trainer.max_steps // STEP_SNAPSHOTS, 1))
    return _Interval("validations" if runs_validation(trainer) else "epochs", 1)


def _validates_before_the_end(trainer: L.Trainer) -> bool:
    """Return True if a run of one epoch is validated before its last step."""
    if not runs_validation(trainer) or trainer.check_val_every_n_epoch not in (None, 1):
        return False
    batches = trainer.val_check_batch  # None if Lightning validates by the clock
    return batches is None or batches < trainer.max_steps * trainer.accumulate_grad_batches
