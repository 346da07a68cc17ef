"""Bars of long waits, on a terminal with a clock of its own."""

from __future__ import annotations

import io
from itertools import count

import pytest
from rich.console import Console
from rich.progress import Progress

from camaug.utils.progress import with_progress


def terminal(**settings) -> Console:
    return Console(file=io.StringIO(), width=80, **{"force_terminal": True, **settings})


def printed(console: Console) -> str:
    return console.file.getvalue()


def test_a_wait_of_more_than_two_seconds_has_a_bar():
    console, clock = terminal(), count()
    items = list(with_progress(["a", "b", "c", "d", "e"], "reading photos", console=console, clock=lambda: next(clock)))
    assert items == ["a", "b", "c", "d", "e"]
    assert "reading photos" in printed(console)
    assert "5/5" in printed(console)


def test_a_short_one_has_none():
    console = terminal()
    assert list(with_progress(range(9), "reading", console=console, clock=lambda: 0.0)) == list(range(9))
    assert printed(console) == ""


def test_an_iterator_of_unknown_length():
    console, clock = terminal(), count(step=5)
    assert list(with_progress(iter("abc"), "reading", console=console, clock=lambda: next(clock))) == list("abc")
    assert "3/?" in printed(console)
    assert list(with_progress(iter("ab"), "x", total=2, console=terminal(), clock=lambda: next(clock))) == list("ab")


def test_nothing_is_printed_where_there_is_no_terminal():
    console, clock = terminal(force_terminal=False), count(step=5)
    assert list(with_progress("abc", "reading", console=console, clock=lambda: next(clock))) == list("abc")
    assert printed(console) == ""


def test_another_bar_is_left_alone():
    console, clock = terminal(), count(step=5)
    with Progress(console=console) as other:
        other.add_task("training", total=3)
        assert list(with_progress("abc", "reading", console=console, clock=lambda: next(clock))) == list("abc")
    assert "training" in printed(console)
    assert "reading" not in printed(console)


def test_an_error_or_an_early_end_removes_the_bar():
    console, clock = terminal(), count(step=5)

    def fail() -> None:
        for _ in with_progress("abc", "reading", console=console, clock=lambda: next(clock)):
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    for _ in with_progress("abc", "reading", console=console, clock=lambda: next(clock)):
        break
    with Progress(console=console):  # which Rich refuses beside another
        pass
