"""The time of several pieces of work, measured in turn."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import torch

__all__ = ["in_turn", "now"]


def now(device: torch.device) -> float:
    """Seconds of a clock that only goes on, when the device has done all that it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


def in_turn(
    work: Mapping[str, Callable[[], object]],
    device: torch.device,
    *,
    rounds: int,
    clock: Callable[[torch.device], float] = now,
) -> dict[str, list[float]]:
    """Do each piece of work once in every round, so that a machine that slows down slows all of them.

    A first round warms up and does not count.

    Args:
        work: What is measured, by name.
        device: Where it runs.
        rounds: How many rounds count.
        clock: Gives the seconds.

    Returns:
        The seconds of each piece of work, one a round.

    Raises:
        ValueError: If there is no round.

    Example:
        >>> seconds = in_turn({"sum": lambda: torch.ones(9).sum()}, torch.device("cpu"), rounds=3)
        >>> len(seconds["sum"])
        3
    """
    if rounds < 1:
        raise ValueError(f"`rounds` must be at least 1, got {rounds}")
    seconds: dict[str, list[float]] = {name: [] for name in work}
    for number in range(rounds + 1):
        for name, run in work.items():
            begun = clock(device)
            run()
            if number > 0:
                seconds[name].append(clock(device) - begun)
    return seconds
