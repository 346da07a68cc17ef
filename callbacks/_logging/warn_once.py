"""Warnings in place of errors, each reason once."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import lightning as L
from lightning.pytorch.utilities import rank_zero_warn

from .._trainer.stages import end_if_terminated
from .failure import Failure

__all__ = ["WarnOnce"]


class WarnOnce:
    """Warnings of a callback that must not end a training run, each reason once.

    Args:
        name: Name of the callback.
        first_failure_only: True to report the first failure alone, whatever the reasons of later ones.
        every_rank: True to warn on every process that fails, not only on rank zero.

    Attributes:
        name: Name of the callback.
    """

    def __init__(self, name: str, *, first_failure_only: bool = False, every_rank: bool = False) -> None:
        self.name = name
        self._first_failure_only = first_failure_only
        self._warn = warnings.warn if every_rank else rank_zero_warn
        self._reasons: set[str] = set()
        self._has_failed = False

    def __call__(self, reason: str, message: str) -> None:
        """Warn with the message, unless this reason had a warning before."""
        if reason not in self._reasons:
            self._reasons.add(reason)
            self._warn(message)

    @property
    def has_failed(self) -> bool:
        """True if a failure was reported, so that its consequences need no warning."""
        return self._has_failed

    @contextmanager
    def instead_of_error(
        self, trainer: L.Trainer, failure: str, *, remedy: str = "", raising: tuple[type[Exception], ...] = ()
    ) -> Iterator[None]:
        """Turn an exception inside the block into a warning with its cause, a remedy and its origin.

        Args:
            trainer: The Trainer. After a SIGTERM the block ends the process's work instead.
            failure: Description of what failed, the rest of a sentence that begins with the callback's name.
            remedy: What the user can do, a sentence without its full stop.
            raising: Exceptions that leave the block.

        Raises:
            SIGTERMException: If the block failed in a process that was told to end.
        """
        try:
            yield
        except raising:
            raise
        except Exception as error:
            end_if_terminated(trainer)
            self._has_failed = True
            cause, origin = Failure.of(error)
            advice = f"{remedy}. " if remedy and not _names_a_remedy(cause) else ""
            again = "No further failure is reported" if self._first_failure_only else "This is reported once"
            self(
                "failure" if self._first_failure_only else cause,
                f"{self.name} {failure}; training goes on. {cause.rstrip('.')}. {advice}{again}.\n{origin}",
            )


def _names_a_remedy(cause: str) -> bool:
    """Return True if an error says what to do: an argument, another layer, or another method."""
    return re.search(r"\w=|has no layer|choose '|: (add|convert|permute|divide) ", cause) is not None
