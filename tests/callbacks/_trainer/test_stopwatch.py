from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from camaug.callbacks._trainer.stopwatch import Stopwatch
from tests.toys import FakeClock


@pytest.fixture
def clock(monkeypatch) -> FakeClock:
    clock = FakeClock()
    monkeypatch.setattr("camaug.callbacks._trainer.stopwatch.time", clock)
    return clock


def test_durations_are_summed_and_reading_resets_the_sum(clock):
    stopwatch = Stopwatch(torch.device("cpu"))
    for seconds in (2.0, 3.0):
        with stopwatch.running():
            clock.advance(seconds)
        clock.advance(7.0)
    assert stopwatch.read() == 5
    assert stopwatch.read() == 0


def test_a_stop_without_a_start_counts_nothing(clock):
    stopwatch = Stopwatch(torch.device("cpu"))
    clock.advance(2.0)
    stopwatch.stop()
    assert stopwatch.read() == 0


class FakeEvent:
    """Event of a device that finishes its work when the test says so."""

    alive = 0

    def __init__(self, enable_timing: bool) -> None:
        FakeEvent.alive += 1

    def __del__(self) -> None:
        FakeEvent.alive -= 1

    def record(self) -> None:
        self.moment = FakeEvent.clock.perf_counter()

    def query(self) -> bool:
        return FakeEvent.is_idle

    def synchronize(self) -> None:
        FakeEvent.is_idle = True

    def elapsed_time(self, end_event: FakeEvent) -> float:
        assert FakeEvent.is_idle, "reading the time would wait for the device"
        return 1000 * (end_event.moment - self.moment)


def test_events_of_finished_work_are_read_at_once(clock, monkeypatch):
    FakeEvent.clock, FakeEvent.is_idle = clock, False
    monkeypatch.setattr("torch.xpu", SimpleNamespace(Event=FakeEvent))
    stopwatch = Stopwatch(torch.device("xpu"))
    for step in range(20):
        FakeEvent.is_idle = step % 5 == 4  # the device lags behind by up to four steps
        with stopwatch.running():
            clock.advance(2.0)
        assert FakeEvent.alive <= 2 * 5
    FakeEvent.is_idle = False
    with stopwatch.running():
        clock.advance(3.0)
    assert stopwatch.read() == 43
    assert FakeEvent.alive == 0
