"""Errors that tell the user what to change, as opposed to faults of the program.

The table is :mod:`camaug._cli.refusal_rules`.
"""

from __future__ import annotations

import re
import sysconfig
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

from camaug._cli.refusal_rules import OS_ERRORS, PACKAGE, RULES
from camaug.utils.out_of_memory import is_out_of_memory

__all__ = ["error_chain", "refusal"]


def refusal(error: BaseException | None) -> str | None:
    """Return a sentence about the first error in the chain of causes that the user can do something about, or None.

    Args:
        error: The error.
    """
    for each in error_chain(error):
        sentence = _os_sentence(each) or _memory_sentence(each) or _table_sentence(each)
        if sentence is not None:
            return sentence
    return next((sentence for each in error_chain(error) if (sentence := _user_sentence(each))), None)


def _os_sentence(error: BaseException) -> str | None:
    """Return a sentence about an error of the operating system."""
    if not isinstance(error, OSError) or error.errno is None:
        return None
    path = "a file" if error.filename is None else repr(str(Path(str(error.filename)).absolute()))
    at = "" if error.filename is None else f" at {path}"
    if error.errno in OS_ERRORS:
        return OS_ERRORS[error.errno].format(path=path, at=at)
    return None if error.filename is None else f"{error.strerror}: {path}"


def _memory_sentence(error: BaseException) -> str | None:
    if not is_out_of_memory(error):
        return None
    size = re.search(r"[Tt]ried to allocate ([\d.]+ \w+)", str(error))
    detail = f" ({size[1]} could not be allocated)" if size else ""
    return (
        f"memory is short{detail}: set a smaller --data.batch_size (with --trainer.accumulate_grad_batches N for the "
        "same steps), a smaller --data.image_size, or on a GPU --trainer.precision 16-mixed"
    )


def _table_sentence(error: BaseException) -> str | None:
    frames = list(_frames(error))
    origin = _module(frames[-1]) if frames else ""
    for rule in RULES:
        match = re.search(rule.pattern, str(error))
        if match is None or not isinstance(error, rule.types) or not _is_inside(origin, rule.origins):
            continue
        groups = [" ".join((group or "").split()) for group in match.groups()]
        if callable(rule.sentence):
            return rule.sentence(*groups).rstrip(" ,")
        message = str(error) if rule.origins == (PACKAGE,) else _one_line(error)  # our own lines are meant as such
        return rule.sentence.format(*groups, message=message)
    return None


def _user_sentence(error: BaseException) -> str | None:
    """Return a sentence about an error that the user's own code raised, or called a library to raise."""
    frames = [frame for frame in _frames(error) if _is_own(frame) or _is_users(frame)]
    if not frames or _is_own(frames[-1]):
        return None
    frame = frames[-1]
    lines = {id(trace.tb_frame): trace.tb_lineno for trace in _traces(error)}
    where = f"{frame.f_code.co_filename}, line {lines[id(frame)]}, in {frame.f_code.co_name}"
    return f"your code raised {type(error).__name__}: {_one_line(error)} ({where})"


def error_chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error, and the errors that caused it."""
    while error is not None:
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _traces(error: BaseException) -> Iterator[Any]:
    trace = error.__traceback__
    while trace is not None:
        yield trace
        trace = trace.tb_next


def _frames(error: BaseException) -> Iterator[FrameType]:
    """Yield the frames of an error, the one that raised it last."""
    return (trace.tb_frame for trace in _traces(error))


def _module(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__"))


def _is_inside(module: str, packages: Sequence[str]) -> bool:
    """Return True if a module is one of the packages or inside one. Without packages every module is."""
    return not packages or f"{module}.".startswith(tuple(f"{package}." for package in packages))


def _is_own(frame: FrameType) -> bool:
    return _module(frame).partition(".")[0] == PACKAGE


def _is_users(frame: FrameType) -> bool:
    """Return True if a frame is of code that is neither installed nor the program that was started."""
    file = frame.f_code.co_filename
    libraries = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    is_installed = "site-packages" in file or file.startswith(("<", *libraries))
    return not is_installed and _module(frame) != "__main__"


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())
