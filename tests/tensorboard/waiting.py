"""Waiting for other processes: poll a condition, with a limit that only a failure reaches."""

from __future__ import annotations

import time
from collections.abc import Callable

LIMIT = 120  # seconds
INTERVAL = 0.05


def wait_until(condition: Callable[[], object], description: str) -> None:
    """Poll until the condition is true.

    Raises:
        AssertionError: If it is still false after two minutes.
    """
    deadline = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < deadline, f"not true after {LIMIT} s: {description}"
        time.sleep(INTERVAL)


def wait_for_assertions(check: Callable[[], None]) -> None:
    """Poll until the function raises no AssertionError, or raise its last one after two minutes."""
    deadline = time.monotonic() + LIMIT
    while True:
        try:
            return check()
        except AssertionError:
            if time.monotonic() > deadline:
                raise
        time.sleep(INTERVAL)
