"""Bars of a callback's own work, beside the Trainer's."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

import lightning as L
from rich.progress import Progress

from camaug.utils.progress import with_progress

__all__ = ["trainer_progress"]

T = TypeVar("T")


def trainer_progress(
    trainer: L.Trainer, items: Iterable[T], description: str, *, total: int | None = None
) -> Iterator[T]:
    """Yield items, with a bar once their work has taken two seconds, in the Trainer's display where it has one.

    Nothing is printed by other processes than rank zero, or where the Trainer has no progress bar.

    Args:
        trainer: The Trainer.
        items: The items.
        description: What is done.
        total: Number of items; None for their length, if they have one.
    """
    bar = trainer.progress_bar_callback
    if bar is None or not trainer.is_global_zero:
        return iter(items)
    display = getattr(bar, "progress", None)  # of a RichProgressBar
    return with_progress(items, description, total=total, within=display if isinstance(display, Progress) else None)
