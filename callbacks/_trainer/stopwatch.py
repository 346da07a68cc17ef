"""Duration of work on a device, measured without synchronising it."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol, cast

import torch

__all__ = ["Stopwatch"]


class _Event(Protocol):
    """Moment in the work of an accelerator, such as ``torch.cuda.Event``."""

    def record(self) -> None: ...

    def query(self) -> bool: ...

    def synchronize(self) -> None: ...

    def elapsed_time(self, end_event: _Event) -> float: ...


class Stopwatch:
    """Stopwatch that adds up the durations of pieces of work.

    On an accelerator it records events in the stream, and reads them once the work is finished, so that measuring does
    not interrupt the asynchronous work. On a CPU, and on a device without events, it reads the wall clock.

    Args:
        device: Device of the work.
    """

    def __init__(self, device: torch.device) -> None:
        module = None if device.type == "cpu" else getattr(torch, device.type, None)
        self._event_class = cast("Callable[..., _Event] | None", getattr(module, "Event", None))
        self._started: float | _Event | None = None
        self._unread: deque[tuple[_Event, _Event]] = deque()
        self._seconds = 0.0

    def start(self) -> None:
        """Start measuring a piece of work."""
        self._started = self._now()

    def stop(self) -> None:
        """Add the duration since the start, or nothing without a start."""
        started, ended = self._started, self._now()
        self._started = None
        if isinstance(started, float) and isinstance(ended, float):
            self._seconds += ended - started
        elif started is not None and not isinstance(started, float) and not isinstance(ended, float):
            self._unread.append((started, ended))
        # Events of finished work are read at once, so that they do not pile up in a long epoch.
        while self._unread and self._unread[0][1].query():
            self._read_first()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Measure the work inside."""
        self.start()
        try:
            yield
        finally:
            self.stop()

    def read(self) -> float:
        """Return the sum in seconds and reset it. This waits for the measured work."""
        if self._unread:
            self._unread[-1][1].synchronize()
        while self._unread:
            self._read_first()
        seconds, self._seconds = self._seconds, 0.0
        return seconds

    def _read_first(self) -> None:
        started, ended = self._unread.popleft()
        self._seconds += started.elapsed_time(ended) / 1000

    def _now(self) -> float | _Event:
        if self._event_class is None:
            return time.perf_counter()
        event = self._event_class(enable_timing=True)
        event.record()
        return event
