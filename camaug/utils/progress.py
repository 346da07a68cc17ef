"""Bars of long waits."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

import rich
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

__all__ = ["with_progress"]

T = TypeVar("T")

PATIENCE = 2.0  # seconds of work before a bar appears


def with_progress(
    items: Iterable[T],
    description: str,
    *,
    total: int | None = None,
    console: Console | None = None,
    within: Progress | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[T]:
    """Yield items, with a bar once their work has taken two seconds, and the time left where their number is known.

    Nothing is printed where the output is no terminal, in further processes of a training run, or beside another
    display of Rich, which a second one would disturb.

    Args:
        items: The items.
        description: What is done, such as ``"reading photos"``.
        total: Number of items; None for their length, if they have one.
        console: The console; standard error by default.
        within: The display of another bar, to which this one is added.
        clock: Function that returns seconds.

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
    bar, start = _Bar(progress, description, total, is_own=within is None), clock()
    try:
        for done, item in enumerate(items):
            if clock() - start > PATIENCE:
                bar.show(done)
            yield item
        bar.complete()
    finally:
        bar.remove()


class _Bar:
    """Bar in a display of Rich, invisible until it is shown."""

    def __init__(self, progress: Progress, description: str, total: int | None, *, is_own: bool) -> None:
        self._progress = progress
        self._is_own = is_own
        self._task = progress.add_task(description, total=total, visible=False)
        self._done = 0
        self._is_shown = False

    def show(self, done: int) -> None:
        """Show how many items are done, unless another display is in the way."""
        if not self._is_shown and self._is_own:
            if _has_display(self._progress.console) or _has_display(rich.get_console()):
                return
            self._progress.start()
        self._is_shown = True
        self._update(done)

    def complete(self) -> None:
        """Show that all items are done."""
        if self._is_shown:
            self._update(self._done + 1)

    def remove(self) -> None:
        """Remove the bar."""
        if self._is_own:
            self._progress.stop()
        else:
            self._progress.remove_task(self._task)

    def _update(self, done: int) -> None:
        self._done = done
        self._progress.update(self._task, completed=done, visible=True, refresh=True)


def _new_display(console: Console) -> Progress:
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    return Progress(*columns, console=console, transient=True)


def _has_display(console: Console) -> bool:
    return bool(getattr(console, "_live_stack", None) or getattr(console, "_live", None))
