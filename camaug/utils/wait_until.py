"""Waiting for what another process does."""

from __future__ import annotations

import time
from collections.abc import Callable

__all__ = ["wait_until"]

PAUSE = 0.5


def wait_until(
    condition: Callable[[], bool],
    *,
    longest: float,
    pause: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> bool:
    """Wait until a condition is true, and return False if it is not after the longest time.

    Args:
        condition: The condition, which is checked twice a second.
        longest: The longest time in seconds.
        pause: Function that waits for a number of seconds.
        clock: Function that returns the time in seconds.
    """
    end = clock() + longest
    while not condition():
        if clock() >= end:
            return False
        pause(PAUSE)
    return True
