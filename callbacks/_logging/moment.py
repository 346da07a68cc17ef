"""Moment at which a callback logs."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Moment"]


@dataclass(frozen=True)
class Moment:
    """Moment at which a callback logs.

    Attributes:
        prefix: First part of every tag.
        step: Step of everything that is logged.
        epoch: Epoch.
        is_last: True for the end of the training run.
        planned: Number of moments in the whole training run, or None if it is unknown.
    """

    prefix: str
    step: int
    epoch: int
    is_last: bool = False
    planned: int | None = None
