"""Bars of long waits, on a terminal with timers of its own."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from rich.console import Console
from rich.progress import Progress

from camaug.utils.progress import PATIENCE, with_progress


class Timer:
    """Timer whose seconds are over when a test says so."""

    started: list[Timer]

    def __init__(self, seconds: float, function: Callable[[], None]) -> None:
        assert seconds == PATIENCE
        self.ring = function
        self.is_cancelled = False

    def start(self) -> None:
        Timer.started.append(self)

    def cancel(self) -> None:
        self.is_cancelled = True


class RingsAtOnce(Timer):
    """Timer of a wait that is long from its beginning."""

    def start(self) -> None:
        self.ring()


@pytest.fixture(autouse=True)
def no_timer():
    Timer.started = []


def terminal(**settings) -> Console:
    return Console(file=io.StringIO(), width=80, **{"force_terminal": True, **settings})


def printed(console: Console) -> str:
    return console.file.getvalue()


def test_a_long_wait_has_a_bar_from_the_third_second_on_even_within_one_item():
    console, shown = terminal(), []
    for item in with_progress("abc", "reading photos", console=console, timer=Timer):
        if item == "b":
            (timer,) = Timer.started
            timer.ring()  # while the second is being worked on
        shown.append("reading photos" in printed(console))
    assert shown == [False, True, True]
    assert "1/3" in printed(console)
    assert "3/3" in printed(console)


def test_a_short_one_has_none():
    console = terminal()
    assert list(with_progress(range(9), "reading", console=console, timer=Timer)) == list(range(9))
    (timer,) = Timer.started
    assert timer.is_cancelled
    timer.ring()  # too late, in a thread of its own
    assert printed(console) == ""


def test_an_iterator_of_unknown_length():
    console = terminal()
    assert list(with_progress(iter("abc"), "reading", console=console, timer=RingsAtOnce)) == list("abc")
    assert "3/?" in printed(console)
    known = terminal()
    assert list(with_progress(iter("ab"), "reading", total=2, console=known, timer=RingsAtOnce)) == list("ab")
    assert "2/2" in printed(known)


@pytest.mark.parametrize("rank", [None, "1"])
def test_nothing_is_printed_where_there_is_no_terminal_or_in_further_processes(rank, monkeypatch):
    console = terminal(force_terminal=rank is not None)
    if rank is not None:
        monkeypatch.setenv("LOCAL_RANK", rank)
    assert list(with_progress("abc", "reading", console=console, timer=RingsAtOnce)) == list("abc")
    assert printed(console) == ""


def test_another_bar_is_left_alone():
    console = terminal()
    with Progress(console=console) as other:
        other.add_task("training", total=3)
        assert list(with_progress("abc", "reading", console=console, timer=RingsAtOnce)) == list("abc")
    assert "training" in printed(console)
    assert "reading" not in printed(console)


def test_an_error_or_an_early_end_removes_the_bar():
    console = terminal()

    def fail() -> None:
        for _ in with_progress("abc", "reading", console=console, timer=RingsAtOnce):
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    for _ in with_progress("abc", "reading", console=console, timer=RingsAtOnce):
        break
    with Progress(console=console):  # which Rich refuses beside another
        pass
