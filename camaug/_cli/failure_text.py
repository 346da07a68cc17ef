"""Last lines that the program prints when an error ends it."""

from __future__ import annotations

import traceback
from pathlib import Path

from camaug._cli.refusal import error_chain, refusal
from camaug._cli.traceback_log import notes
from camaug.utils.printable import printable_lines

__all__ = ["TRACEBACK_OPTION", "failure_text"]

TRACEBACK_OPTION = "--traceback"


def failure_text(error: BaseException, *, shows_traceback: bool) -> str:
    """Return what is printed of an error: a sentence and a hint, or the traceback of a fault of the program.

    Args:
        error: The error.
        shows_traceback: Whether to print the traceback above the sentence too.
    """
    sentence = refusal(error)
    trace = "".join(traceback.format_exception(error)) if shows_traceback or sentence is None else ""
    if sentence is None:
        return (
            f"{trace}error: {type(error).__name__} is unexpected here, so this is probably a fault of camaug, not of "
            "your input. Please report it with the lines above and your command."
        )
    hints = [*_where(error, sentence), *notes(error)]
    if not shows_traceback:
        hints.append(f"{TRACEBACK_OPTION} shows where it comes from")
    return f"{trace}error: {printable_lines(sentence)}" + (f"\n({printable_lines('; '.join(hints))})" if hints else "")


def _where(error: BaseException, sentence: str) -> list[str]:
    """Return the folder in which relative paths were looked for, if a file or folder is missing."""
    is_missing = any(isinstance(each, FileNotFoundError | NotADirectoryError) for each in error_chain(error))
    return [f"relative paths start in {Path.cwd()}"] if is_missing and str(Path.cwd()) not in sentence else []
