"""Failure of a callback, as a warning describes it."""

from __future__ import annotations

import os
import traceback
from pathlib import Path
from typing import NamedTuple

__all__ = ["Failure"]

TRACEBACK = "CAMAUG_TRACEBACK"
MAX_LENGTH = 1000


class Failure(NamedTuple):
    """Cause and origin of an error, each for one line of a warning.

    Attributes:
        cause: The error's type and message.
        origin: Where the error was raised and how to see the whole traceback; the traceback itself if
            ``CAMAUG_TRACEBACK`` is set in the environment.
    """

    cause: str
    origin: str

    @classmethod
    def of(cls, error: BaseException) -> Failure:
        """Describe an error that was caught."""
        if TRACEBACK in os.environ:
            return cls(_cause(error), "".join(traceback.format_exception(error)))
        frame = next(iter(reversed(traceback.extract_tb(error.__traceback__))), None)
        where = "" if frame is None else f"raised in {Path(frame.filename).name}, line {frame.lineno}; "
        return cls(_cause(error), f"({where}{TRACEBACK}=1 in the environment shows the traceback)")


def _cause(error: BaseException) -> str:
    """Return an error in one line. The message of a worker process ends with its cause, after its traceback."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if not lines:
        return type(error).__name__
    if "Traceback (most recent call last):" in str(error):
        return lines[-1]
    return f"{type(error).__name__}: {' '.join(lines)[:MAX_LENGTH]}"
