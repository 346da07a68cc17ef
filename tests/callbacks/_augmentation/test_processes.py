from __future__ import annotations

from pathlib import Path

import pytest

from camaug.callbacks._augmentation.processes import Processes


class Strategy:
    """The strategy of one of two processes, with the other's part of each collective."""

    def __init__(self, others_succeed: bool = True, from_rank_zero: object = None) -> None:
        self.others_succeed, self.from_rank_zero = others_succeed, from_rank_zero

    def broadcast(self, value):
        return value if self.from_rank_zero is None else self.from_rank_zero

    def reduce_boolean_decision(self, decision, all):
        return decision and self.others_succeed


class Trainer:
    def __init__(self, strategy: Strategy, *, is_global_zero: bool = True) -> None:
        self.strategy, self.is_global_zero = strategy, is_global_zero


def broken():
    raise OSError("no space")


def wrong():
    raise ValueError("wrong input")


def test_rank_zero_works_for_all():
    outcome = Processes(Trainer(Strategy())).on_rank_zero(lambda: 3)
    assert (outcome.result, outcome.succeeded, outcome.failure) == (3, True, None)
    other = Processes(Trainer(Strategy(from_rank_zero=(3, True)), is_global_zero=False)).on_rank_zero(broken)
    assert (other.result, other.succeeded, other.failure) == (3, True, None)


def test_a_failure_of_rank_zero_is_known_to_all_and_told_by_rank_zero():
    outcome = Processes(Trainer(Strategy())).on_rank_zero(broken)
    assert (outcome.result, outcome.succeeded) == (None, False)
    assert outcome.failure is not None
    assert outcome.failure.cause == "OSError: no space"
    other = Processes(Trainer(Strategy(from_rank_zero=(None, False)), is_global_zero=False)).on_rank_zero(broken)
    assert (other.succeeded, other.failure) == (False, None)


@pytest.mark.parametrize(("others_succeed", "work", "expected"), [
    (True, lambda: None, (True, False)),
    (False, lambda: None, (False, False)),
    (True, broken, (False, True)),
])  # fmt: skip
def test_all_succeed_or_none_does(others_succeed, work, expected):
    outcome = Processes(Trainer(Strategy(others_succeed))).on_all(work)
    assert (outcome.succeeded, bool(outcome.failure)) == expected


def test_wrong_input_is_raised():
    with pytest.raises(ValueError, match="wrong input"):
        Processes(Trainer(Strategy())).on_all(wrong)


def test_what_one_process_does_not_see_stops_all():
    with pytest.raises(RuntimeError, match="not every process sees what others wrote in bank: give a folder on a file"):
        Processes(Trainer(Strategy(others_succeed=False))).check_visible(True, Path("bank"))
