from __future__ import annotations

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
