"""Waiting for a file that another process writes."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

__all__ = ["wait_for_file"]

PAUSE = 0.5


def wait_for_file(
    path: Path,
    *,
    longest: float,
    pause: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.time,
) -> bool:
    """Wait until a file is written, or was written in the last ``longest`` seconds, and return True if it was.

    Args:
        path: The file, which appears under this name when it is complete.
        longest: Seconds after which the wait ends.
        pause: Function that waits for a number of seconds.
        clock: Function that returns the time, as files have it.
    """
    begun = clock()
    while not _is_newer(path, begun - longest):
        if clock() - begun >= longest:
            return False
        pause(PAUSE)
    return True


def _is_newer(path: Path, moment: float) -> bool:
    return path.is_file() and path.stat().st_mtime >= moment
