"""Bars of long waits."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

__all__ = ["with_progress"]

T = TypeVar("T")

PATIENCE = 2.0  # seconds of work before a bar appears


def with_progress(
    items: Sequence[T] | Iterable[T],
    description: str,
    *,
    total: int | None = None,
    console: Console | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[T]:
    """Yield items, with a bar once their work has taken two seconds, and the time left where their number is known.

    Where the output is no terminal, nothing is printed. Nothing is printed either beside another bar of Rich, such as
    the Trainer's.

    Args:
        items: The items.
        description: What is done, such as ``"reading photos"``.
        total: Number of items; None for their length, if they have one.
        console: The console; standard error by default.
        clock: The seconds since any moment.

    Example:
        >>> list(with_progress("ab", "reading"))
        ['a', 'b']
    """
    console = console or Console(stderr=True)
    if total is None and isinstance(items, Sequence):
        total = len(items)
    if not console.is_terminal:
        yield from items
        return
    start, done, progress = clock(), 0, _bar(console)
    task = progress.add_task(description, total=total)
    is_shown = False
    try:
        for item in items:
            if not is_shown and clock() - start > PATIENCE and _is_free(console):
                progress.start()
                is_shown = True
            progress.update(task, completed=done)
            yield item
            done += 1
        progress.update(task, completed=done)
    finally:
        progress.stop()


def _bar(console: Console) -> Progress:
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    return Progress(*columns, console=console, transient=True)


def _is_free(console: Console) -> bool:
    """Return True unless another display of Rich is on this console, beside which a second one is an error."""
    return not getattr(console, "_live_stack", None) and getattr(console, "_live", None) is None
