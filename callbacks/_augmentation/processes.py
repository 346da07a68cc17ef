"""Agreement of all processes on the saliency bank."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import lightning as L
import torch

from camaug.utils.wait_until import wait_until

from .._logging.failure import Failure

__all__ = ["Outcome", "Processes"]

T = TypeVar("T")
END = object()
LONGEST_WAIT = 60.0  # seconds


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
    input (ValueError, TypeError) is raised on all of them.

    Args:
        trainer: The trainer.
    """

    def __init__(self, trainer: L.Trainer) -> None:
        self._trainer = trainer

    def on_rank_zero(self, work: Callable[[], T]) -> Outcome[T]:
        """Call a function on rank zero alone. Every process gets its result."""
        attempt = _attempt(work) if self._trainer.is_global_zero else _Attempt[T]()
        result, has_failed, cause = self._trainer.strategy.broadcast(
            (attempt.result, attempt.failure is not None, _describe(attempt.wrong))
        )
        _raise_wrong(attempt.wrong, cause)
        return Outcome(result, not has_failed, attempt.failure)

    def in_step(self, work: Iterator[None]) -> Outcome[None]:
        """Advance an iterator on every process until all are exhausted, or one has failed.

        The processes wait for each other after each item. So none waits longer than the slowest process's item takes,
        however much more that process has to do, and no time-out of the process group ends the run.
        """
        attempt = _Attempt(True)  # the result is True while there may be items
        while True:
            if attempt.result:
                attempt = _attempt(lambda: next(work, END) is None)
            failed, wrong, unfinished = self._count(
                attempt.failure is not None, attempt.wrong is not None, bool(attempt.result)
            )
            _raise_wrong(attempt.wrong, "its own error says why" if wrong else "")
            if failed or not unfinished:
                return Outcome(None, not failed, attempt.failure)

    def check_visible(self, is_visible: Callable[[], bool], folder: Path) -> None:
        """Raise a RuntimeError on all processes if one of them does not see what the others wrote.

        Network file systems may show it a minute later.

        Args:
            is_visible: Function that returns True if this process sees it.
            folder: The folder, for the message.
        """
        is_seen = wait_until(is_visible, longest=LONGEST_WAIT if self._trainer.world_size > 1 else 0.0)
        if not self._trainer.strategy.reduce_boolean_decision(is_seen, all=True):
            raise RuntimeError(
                f"not every process sees what others wrote in {folder}: give a folder on a file system that all of "
                "them share, bank_dir="
            )

    def _count(self, *conditions: bool) -> list[int]:
        """Return the number of processes on which each condition is true."""
        counts = torch.tensor(conditions, dtype=torch.int32, device=self._trainer.strategy.root_device)
        if self._trainer.world_size > 1:
            counts = self._trainer.strategy.reduce(counts, reduce_op="sum")
        numbers: list[int] = counts.tolist()
        return numbers


@dataclass(frozen=True)
class _Attempt(Generic[T]):
    """Result, failure or refused input of a call."""

    result: T | None = None
    failure: Failure | None = None
    wrong: ValueError | TypeError | None = None


def _attempt(work: Callable[[], T]) -> _Attempt[T]:
    try:
        return _Attempt(work())
    except (ValueError, TypeError) as error:
        return _Attempt(wrong=error)
    except Exception as error:
        return _Attempt(failure=Failure.of(error))


def _describe(error: Exception | None) -> str:
    return "" if error is None else f"{type(error).__name__}: {error}"


def _raise_wrong(own: ValueError | TypeError | None, cause: str) -> None:
    """Raise this process's own error, or tell of another process's."""
    if own is not None:
        raise own
    if cause:
        raise RuntimeError(f"another process cannot make the saliency maps: {cause}")
