"""The time that work takes on a device, without making the device wait for it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import torch

__all__ = ["Stopwatch"]


class Stopwatch:
    """Adds up the durations of pieces of work.

    On a GPU events are recorded in the stream and read when the sum is asked for, so that measuring does not stop the
    asynchronous work; elsewhere it is the wall clock.

    Args:
        device: Where the work runs.
    """

    def __init__(self, device: torch.device) -> None:
        self._on_gpu = device.type == "cuda"
        self._begun: float | torch.cuda.Event | None = None
        self._events: list[tuple[torch.cuda.Event, torch.cuda.Event]] = []
        self._seconds = 0.0

    def start(self) -> None:
        """Begin a piece of work."""
        self._begun = self._now()

    def stop(self) -> None:
        """End the piece of work that was begun; without one nothing happens."""
        begun, ended = self._begun, self._now()
        self._begun = None
        if isinstance(begun, torch.cuda.Event) and isinstance(ended, torch.cuda.Event):
            self._events.append((begun, ended))
        elif isinstance(begun, float) and isinstance(ended, float):
            self._seconds += ended - begun

    @contextmanager
    def running(self) -> Iterator[None]:
        """Measure the work inside."""
        self.start()
        try:
            yield
        finally:
            self.stop()

    def read(self) -> float:
        """The sum so far, in seconds, and begin again at 0."""
        if self._events:
            torch.cuda.synchronize()
        seconds = self._seconds + sum(begun.elapsed_time(ended) / 1000 for begun, ended in self._events)
        self._seconds, self._events = 0.0, []
        return seconds

    def _now(self) -> float | torch.cuda.Event:
        if not self._on_gpu:
            return time.perf_counter()
        event = torch.cuda.Event(enable_timing=True)
        event.record()
        return event
