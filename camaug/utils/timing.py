"""Run times of several functions, measured in turn."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import torch

__all__ = ["in_turn", "now"]


def now(device: torch.device) -> float:
    """Return the time of a monotonic clock in seconds, after the device has finished its work."""
    if device.type == "mps":
        torch.mps.synchronize()
    elif synchronize := getattr(getattr(torch, device.type, None), "synchronize", None):
        synchronize(device)
    return time.perf_counter()


def in_turn(
    work: Mapping[str, Callable[[], object]],
    device: torch.device,
    *,
    rounds: int,
    clock: Callable[[torch.device], float] = now,
) -> dict[str, list[float]]:
    """Run each function once per round and measure its time, so that a machine that slows down slows all of them.

    A first round warms up and is not counted.

    Args:
        work: The functions by name.
        device: The device that they use.
        rounds: The number of counted rounds.
        clock: Returns the time in seconds.

    Returns:
        The seconds of each function, one value per round.

    Raises:
        ValueError: If ``rounds`` is less than 1.

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
