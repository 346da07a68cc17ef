from __future__ import annotations

import itertools

import pytest
import torch

from camaug.utils.timing import in_turn

CPU = torch.device("cpu")


def test_functions_run_in_turn_and_the_first_round_is_not_counted():
    calls = []
    ticks = itertools.count()
    work = {name: (lambda name=name: calls.append(name)) for name in ("first", "second")}
    seconds = in_turn(work, CPU, rounds=2, clock=lambda device: next(ticks))
    assert calls == ["first", "second"] * 3
    assert seconds == {"first": [1, 1], "second": [1, 1]}


def test_no_round():
    with pytest.raises(ValueError, match="`rounds` must be at least 1, got 0"):
        in_turn({}, CPU, rounds=0)
