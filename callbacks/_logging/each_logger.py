"""Loggers of which none keeps the others from anything."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

import lightning as L
from lightning.pytorch.loggers import Logger

from .warn_once import WarnOnce

__all__ = ["EachLogger"]

Result = TypeVar("Result")


class EachLogger:
    """Caller of a function with each logger of a Trainer, which turns a failure into a warning.

    A logger's first failure is reported, later ones are not. It is called again at the next moment, because a network
    may be back by then.

    Args:
        name: Name of the callback.

    Example:
        >>> from lightning.pytorch.loggers import CSVLogger
        >>> trainer = L.Trainer(logger=False, enable_checkpointing=False, accelerator="cpu")
        >>> EachLogger("CamLogger")(trainer, [CSVLogger("runs", "mine", version=3)], lambda logger: logger.version)
        [(<lightning.pytorch.loggers.csv_logs.CSVLogger object at 0x...>, 3)]
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._warnings: dict[int, WarnOnce] = {}

    def __call__(
        self, trainer: L.Trainer, loggers: Iterable[Logger], call: Callable[[Logger], Result]
    ) -> list[tuple[Logger, Result]]:
        """Call a function with every logger, and return its results for those that did not fail.

        Args:
            trainer: The Trainer.
            loggers: Loggers of the Trainer.
            call: The function.

        Raises:
            SIGTERMException: If a logger failed in a process that was told to end.
        """
        results = []
        for logger in loggers:
            warn_once = self._warnings.setdefault(id(logger), WarnOnce(self._name, first_failure_only=True))
            with warn_once.instead_of_error(trainer, f"could not write to {type(logger).__name__}"):
                results.append((logger, call(logger)))
        return results
