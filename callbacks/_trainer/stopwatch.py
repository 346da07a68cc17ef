"""Duration of work on a device, measured without synchronising it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import torch

__all__ = ["Stopwatch"]


class Stopwatch:
    """Stopwatch that adds up the durations of pieces of work.

    On a GPU it records events in the stream and reads them with the sum, so that measuring does not interrupt the
    asynchronous work. On other devices it reads the wall clock.

    Args:
        device: Device of the work.
    """

    def __init__(self, device: torch.device) -> None:
        self._on_gpu = device.type == "cuda"
        self._started: float | torch.cuda.Event | None = None
        self._events: list[tuple[torch.cuda.Event, torch.cuda.Event]] = []
        self._seconds = 0.0

    def start(self) -> None:
        """Start measuring a piece of work."""
        self._started = self._now()

    def stop(self) -> None:
        """Add the duration since the start, or nothing without a start."""
        started, ended = self._started, self._now()
        self._started = None
        if isinstance(started, torch.cuda.Event) and isinstance(ended, torch.cuda.Event):
            self._events.append((started, ended))
        elif isinstance(started, float) and isinstance(ended, float):
            self._seconds += ended - started

    @contextmanager
    def running(self) -> Iterator[None]:
        """Measure the work inside."""
        self.start()
        try:
            yield
        finally:
            self.stop()

    def read(self) -> float:
        """Return the sum in seconds and reset it."""
        if self._events:
            torch.cuda.synchronize()
        seconds: float = self._seconds + sum(started.elapsed_time(ended) / 1000 for started, ended in self._events)
        self._seconds, self._events = 0.0, []
        return seconds

    def _now(self) -> float | torch.cuda.Event:
        if not self._on_gpu:
            return time.perf_counter()
        event = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
        event.record()
        return event
