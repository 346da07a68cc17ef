"""Errors that tell the user what to change, as opposed to errors of the program."""

from __future__ import annotations

from types import TracebackType

__all__ = ["refusal"]

PACKAGE = __name__.partition(".")[0]


def refusal(error: BaseException | None) -> BaseException | None:
    """Return the first error in the chain of causes that this package raised or that names a file, or None."""
    while error is not None:
        if _is_raised_here(error.__traceback__) or (isinstance(error, OSError) and error.filename is not None):
            return error
        error = error.__cause__
    return None


def _is_raised_here(trace: TracebackType | None) -> bool:
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace is not None and str(trace.tb_frame.f_globals.get("__name__")).partition(".")[0] == PACKAGE
