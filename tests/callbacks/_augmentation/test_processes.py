from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from camaug.callbacks._augmentation import processes
from camaug.callbacks._augmentation.processes import Processes


class Strategy:
    """The strategy of one of two processes, with the other's part of each collective."""

    root_device = torch.device("cpu")

    def __init__(self, *others: tuple[bool, bool, bool], visible: bool = True, from_rank_zero: object = None) -> None:
        self.others, self.visible, self.from_rank_zero = list(others), visible, from_rank_zero

    def broadcast(self, value):
        return value if self.from_rank_zero is None else self.from_rank_zero

    def reduce(self, counts, reduce_op):
        assert reduce_op == "sum"
        return counts + torch.tensor(self.others.pop(0), dtype=counts.dtype)

    def reduce_boolean_decision(self, decision, all):
        return decision and self.visible


class Trainer:
    world_size = 2

    def __init__(self, strategy: Strategy, *, is_global_zero: bool = True) -> None:
        self.strategy, self.is_global_zero = strategy, is_global_zero


# The other process has failed, has refused its input, has items left.
WORKS, ENDS = (False, False, True), (False, False, False)
FAILS, REFUSES = (True, False, False), (False, True, False)


def broken():
    raise OSError("no space")


def wrong():
    raise ValueError("wrong input")


def items(count: int, end=lambda: None) -> Iterator[None]:
    for _ in range(count):
        yield
    end()


def test_rank_zero_works_for_all():
    outcome = Processes(Trainer(Strategy())).on_rank_zero(lambda: 3)
    assert (outcome.result, outcome.succeeded, outcome.failure) == (3, True, None)
    other = Processes(Trainer(Strategy(from_rank_zero=(3, False, "")), is_global_zero=False)).on_rank_zero(broken)
    assert (other.result, other.succeeded, other.failure) == (3, True, None)


def test_a_failure_of_rank_zero_is_known_to_all_and_told_by_rank_zero():
    outcome = Processes(Trainer(Strategy())).on_rank_zero(broken)
    assert (outcome.result, outcome.succeeded) == (None, False)
    assert outcome.failure is not None
    assert outcome.failure.cause == "OSError: no space"
    other = Processes(Trainer(Strategy(from_rank_zero=(None, True, "")), is_global_zero=False)).on_rank_zero(broken)
    assert (other.succeeded, other.failure) == (False, None)


def test_wrong_input_of_rank_zero_is_raised_on_all():
    with pytest.raises(ValueError, match="wrong input"):
        Processes(Trainer(Strategy())).on_rank_zero(wrong)
    strategy = Strategy(from_rank_zero=(None, False, "ValueError: wrong input"))
    with pytest.raises(RuntimeError, match="another process cannot make the saliency maps: ValueError: wrong input"):
        Processes(Trainer(strategy, is_global_zero=False)).on_rank_zero(broken)


@pytest.mark.parametrize(
    ("work", "others", "expected"),
    [
        (items(2), (WORKS, WORKS, ENDS), (True, False)),
        (items(0), (WORKS, WORKS, WORKS, ENDS), (True, False)),  # one process has all of its maps already
        (items(2), (ENDS, ENDS, ENDS), (True, False)),
        (items(5), (WORKS, FAILS), (False, False)),
        (items(1, broken), (WORKS, WORKS), (False, True)),
    ],
)
def test_processes_go_in_step_until_all_have_ended_or_one_has_failed(work, others, expected):
    strategy = Strategy(*others)
    outcome = Processes(Trainer(strategy)).in_step(work)
    assert (outcome.succeeded, bool(outcome.failure)) == expected
    assert strategy.others == []


def test_wrong_input_of_one_process_is_raised_on_all():
    with pytest.raises(ValueError, match="wrong input"):
        Processes(Trainer(Strategy(WORKS, WORKS))).in_step(items(1, wrong))
    with pytest.raises(RuntimeError, match="another process cannot make the saliency maps: its own error says why"):
        Processes(Trainer(Strategy(WORKS, REFUSES))).in_step(items(9))


@pytest.mark.parametrize(("sees", "others_see"), [(True, False), (False, True)])
def test_what_one_process_does_not_see_stops_all(sees, others_see, monkeypatch):
    monkeypatch.setattr(processes, "LONGEST_WAIT", 0.0)
    with pytest.raises(RuntimeError, match="not every process sees what others wrote in bank: give a folder on a file"):
        Processes(Trainer(Strategy(visible=others_see))).check_visible(lambda: sees, Path("bank"))
