"""Agreement of all processes on the saliency bank."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import lightning as L

from .._logging.failure import Failure

__all__ = ["Outcome", "Processes"]

T = TypeVar("T")


@dataclass(frozen=True)
class Outcome(Generic[T]):
    """Outcome of a call on one or all processes.

    Attributes:
        result: The result; None after a failure.
        succeeded: True if no process failed, the same on every process.
        failure: This process's own failure, or None.
    """

    result: T | None
    succeeded: bool
    failure: Failure | None


class Processes:
    """The processes of a training run, which must all take the same way through a refresh.

    A failure of one process becomes a value that the others learn of, so that none waits for another forever. Wrong
    input (ValueError, TypeError) is raised.

    Args:
        trainer: The trainer.
    """

    def __init__(self, trainer: L.Trainer) -> None:
        self._trainer = trainer

    def on_rank_zero(self, work: Callable[[], T]) -> Outcome[T]:
        """Call a function on rank zero alone. Every process gets its result."""
        result, failure = _attempt(work) if self._trainer.is_global_zero else (None, None)
        result, succeeded = self._trainer.strategy.broadcast((result, not failure))
        return Outcome(result, succeeded, failure)

    def on_all(self, work: Callable[[], T]) -> Outcome[T]:
        """Call a function on every process. It succeeded if it did on all of them."""
        result, failure = _attempt(work)
        return Outcome(result, self._trainer.strategy.reduce_boolean_decision(not failure, all=True), failure)

    def check_visible(self, is_visible: bool, folder: Path) -> None:
        """Raise a RuntimeError on all processes if one of them does not see what the others wrote.

        Args:
            is_visible: True if this process sees it.
            folder: The folder, for the message.
        """
        if not self._trainer.strategy.reduce_boolean_decision(is_visible, all=True):
            raise RuntimeError(
                f"not every process sees what others wrote in {folder}: give a folder on a file system that all of "
                "them share, bank_dir="
            )


def _attempt(work: Callable[[], T]) -> tuple[T | None, Failure | None]:
    try:
        return work(), None
    except (ValueError, TypeError):
        raise
    except Exception as error:
        return None, Failure.of(error)
