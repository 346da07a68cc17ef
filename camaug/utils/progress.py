"""Bars of long waits."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

import rich
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

__all__ = ["with_progress"]

T = TypeVar("T")

PATIENCE = 2.0  # seconds before a bar appears


def with_progress(
    items: Iterable[T],
    description: str,
    *,
    total: int | None = None,
    console: Console | None = None,
    within: Progress | None = None,
    timer: Callable[[float, Callable[[], None]], Any] = threading.Timer,
) -> Iterator[T]:
    """Yield items, with a bar from the third second on, and the time left where their number is known.

    Nothing is printed where the output is no terminal, in further processes of a training run, or beside another
    display of Rich, which a second one would disturb.

    Args:
        items: The items.
        description: What is done, such as ``"reading photos"``.
        total: Number of items; None for their length, if they have one.
        console: The console; standard error by default.
        within: The display of another bar, to which this one is added.
        timer: Maker of timers, which call a function after some seconds unless they are cancelled.

    Example:
        >>> list(with_progress("ab", "reading"))
        ['a', 'b']
    """
    if total is None and isinstance(items, Sequence):
        total = len(items)
    progress = within or _new_display(console or Console(stderr=True))
    if not progress.console.is_terminal or os.environ.get("LOCAL_RANK", "0") != "0":
        yield from items
        return
    bar = _Bar(progress, description, total, is_own=within is None)
    waiting = timer(PATIENCE, bar.show)
    waiting.daemon = True
    waiting.start()
    try:
        for item in items:
            yield item
            bar.advance()
    finally:
        waiting.cancel()
        bar.remove()


class _Bar:
    """Bar in a display of Rich, invisible until it is shown."""

    def __init__(self, progress: Progress, description: str, total: int | None, *, is_own: bool) -> None:
        self._progress = progress
        self._is_own = is_own
        self._task = progress.add_task(description, total=total, visible=False)
        self._is_removed = False
        self._lock = threading.Lock()  # a timer shows the bar in a thread of its own

    def show(self) -> None:
        """Show the bar, unless it was removed or another display is in the way."""
        with self._lock:
            if self._is_removed:
                return
            if self._is_own:
                if _has_display(self._progress.console) or _has_display(rich.get_console()):
                    return
                self._progress.start()
            self._progress.update(self._task, visible=True, refresh=True)

    def advance(self) -> None:
        """Count an item as done."""
        with self._lock:
            self._progress.update(self._task, advance=1, refresh=self._progress.live.is_started)

    def remove(self) -> None:
        """Remove the bar."""
        with self._lock:
            self._is_removed = True
            if self._is_own:
                self._progress.stop()
            else:
                self._progress.remove_task(self._task)


def _new_display(console: Console) -> Progress:
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    return Progress(*columns, console=console, transient=True)


def _has_display(console: Console) -> bool:
    return bool(getattr(console, "_live_stack", None) or getattr(console, "_live", None))
