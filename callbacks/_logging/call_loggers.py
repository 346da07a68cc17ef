"""Loggers of a Trainer, of which none keeps the others from anything."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable
from typing import TypeVar

import lightning as L
from lightning.pytorch.loggers import Logger

from .warn_once import WarnOnce

__all__ = ["call_loggers"]

Result = TypeVar("Result")

_warnings: weakref.WeakKeyDictionary[L.Trainer, list[tuple[Logger, WarnOnce]]] = weakref.WeakKeyDictionary()


def call_loggers(
    trainer: L.Trainer, call: Callable[[Logger], Result], loggers: Iterable[Logger] | None = None
) -> list[tuple[Logger, Result]]:
    """Call a function with each logger, and return the results of those that did not fail.

    The first failure of a logger is a warning, later ones are not reported, whichever callback of the Trainer calls:
    without a network all of them fail. The logger is called again at the next moment, because the network may be back
    by then.

    Args:
        trainer: The Trainer.
        call: The function.
        loggers: Some of the Trainer's loggers; None for all.

    Raises:
        SIGTERMException: If a logger failed in a process that was told to end.

    Example:
        >>> from lightning.pytorch.loggers import CSVLogger
        >>> table = CSVLogger("runs", "mine", version=3)
        >>> trainer = L.Trainer(logger=table, enable_checkpointing=False, accelerator="cpu")
        >>> call_loggers(trainer, lambda logger: logger.version)
        [(<lightning.pytorch.loggers.csv_logs.CSVLogger object at 0x...>, 3)]
    """
    results = []
    for logger in trainer.loggers if loggers is None else loggers:
        with _warn_once(trainer, logger).instead_of_error(trainer, f"could not write to {type(logger).__name__}"):
            results.append((logger, call(logger)))
    return results


def _warn_once(trainer: L.Trainer, logger: Logger) -> WarnOnce:
    """Return the warnings about a logger of a Trainer. A logger need not be hashable."""
    warnings = _warnings.setdefault(trainer, [])
    known = next((warn_once for each, warn_once in warnings if each is logger), None)
    if known is None:
        known = WarnOnce("camaug", first_failure_only=True)
        warnings.append((logger, known))
    return known
