"""Averaged weights, in place of the trained ones as in validation."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import lightning as L
from lightning.pytorch.trainer.states import RunningStage, TrainerFn

__all__ = ["describe_validated_weights", "validated_weights"]


@contextmanager
def validated_weights(trainer: L.Trainer, pl_module: L.LightningModule, callback: L.Callback) -> Iterator[None]:
    """Give the module the weights that are validated, inside the block of a hook of ``fit``.

    Lightning's ``WeightAveraging`` validates averaged weights and swaps the trained ones back at the end of validation,
    before or after this callback. On exit the module has the same weights as before, bit for bit.

    Args:
        trainer: The Trainer.
        pl_module: The module.
        callback: The callback whose hook runs.
    """
    averaging = _averaging_callback(trainer)
    if averaging is None or not _is_swapped_back(trainer, averaging, callback):
        yield
        return
    averaging._swap_models(pl_module)
    try:
        yield
    finally:
        averaging._swap_models(pl_module)


def describe_validated_weights(trainer: L.Trainer) -> str:
    """Return a sentence about the explained weights, empty if no callback averages weights."""
    averaging = _averaging_callback(trainer)
    if averaging is not None:
        return f"the averaged weights of {type(averaging).__name__} are explained, as they are validated"
    others = [type(other).__name__ for other in _callbacks(trainer) if "EMA" in type(other).__name__.upper()]
    if others and trainer.state.fn == TrainerFn.FITTING:
        return f"the trained weights are explained, not those that {others[0]} may validate"
    return ""


def _averaging_callback(trainer: L.Trainer) -> Any:
    if trainer.state.fn != TrainerFn.FITTING:
        return None
    abilities = "_average_model", "_swap_models"
    callbacks = [other for other in _callbacks(trainer) if all(hasattr(other, name) for name in abilities)]
    return next((other for other in callbacks if other._average_model is not None), None)


def _is_swapped_back(trainer: L.Trainer, averaging: Any, callback: L.Callback) -> bool:
    """Return True if the module has its trained weights. In validation that depends on the order of the callbacks."""
    callbacks = _callbacks(trainer)
    is_validating = trainer.state.stage in (RunningStage.VALIDATING, RunningStage.SANITY_CHECKING)
    return not is_validating or callbacks.index(averaging) < callbacks.index(callback)


def _callbacks(trainer: L.Trainer) -> list[Any]:
    return list(trainer.callbacks)  # type: ignore[attr-defined]
