"""Mark of forward passes whose values are replaced by NaN on purpose."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

__all__ = ["is_poisoned", "poisoned"]

_is_poisoned = ContextVar("is_poisoned", default=False)


@contextmanager
def poisoned() -> Iterator[None]:
    """Mark the forward passes inside the block, whose NaN are no fault of the model.

    Example:
        >>> with poisoned():
        ...     is_poisoned()
        True
        >>> is_poisoned()
        False
    """
    token = _is_poisoned.set(True)
    try:
        yield
    finally:
        _is_poisoned.reset(token)


def is_poisoned() -> bool:
    """Return True inside a block of :func:`poisoned`."""
    return _is_poisoned.get()
