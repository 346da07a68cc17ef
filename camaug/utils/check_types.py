"""A check of arguments by their annotations."""

from __future__ import annotations

import collections.abc
import math
import operator
import os
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import numpy as np

from camaug.utils.did_you_mean import did_you_mean

__all__ = ["check_types", "given"]

_NOUNS: Mapping[Any, str] = {
    bool: "True or False",
    int: "an integer",
    float: "a number",
    str: "a string",
    type(None): "None",
    collections.abc.Callable: "a function",
}
_SEQUENCES = (collections.abc.Sequence, list, tuple)
_LONGEST = 60


def check_types(function: Callable[..., Any], arguments: Mapping[str, Any]) -> None:
    """Raise an error if an argument is not of the type that it is annotated with.

    Where a number is expected, those of NumPy and PyTorch are accepted, and where a list is expected, any sequence but
    a string. Elements are checked if they must be numbers. A type that is not known here accepts everything.

    Args:
        function: The function or class with the annotations.
        arguments: Values by name. Those without an annotation are not checked.

    Raises:
        TypeError: If an argument has the wrong type.
        ValueError: If a string is none of the annotation's literals, or a number is NaN.

    Example:
        >>> def shrink(share: float | None = None, how: Literal["blur", "crop"] = "blur") -> None:
        ...     check_types(shrink, locals())
        >>> shrink("half")
        Traceback (most recent call last):
        TypeError: `share` must be a number or None, got 'half' (str)
        >>> shrink(0.5, how="blurr")
        Traceback (most recent call last):
        ValueError: `how` must be 'blur' or 'crop', got 'blurr', did you mean 'blur'?
    """
    hints = _hints(function)
    for name, value in arguments.items():
        if name not in hints or _matches(value, hints[name]):
            continue
        expected = list(dict.fromkeys(_alternatives(hints[name])))
        message = f"`{name}` must be {_either(expected)}, got "
        literals = [each[1:-1] for each in expected if each.startswith("'")]
        if isinstance(value, str) and literals:
            suggestion = did_you_mean(value, literals).rstrip()
            raise ValueError(message + ", ".join(filter(None, (repr(value), suggestion))))
        is_nan = isinstance(value, float) and math.isnan(value)
        raise (ValueError if is_nan else TypeError)(message + given(value))


def given(value: object) -> str:
    """Describe a value of a wrong type.

    Example:
        >>> given("half"), given([0.5]), given(int), given(range(100))
        ("'half' (str)", '[0.5] (list)', 'the class int', 'range(0, 100) (range)')
    """
    if isinstance(value, type):
        return f"the class {value.__name__}"
    if value is None:
        return "None"
    text, kind = repr(value), type(value).__name__
    is_short = len(text) <= _LONGEST and "\n" not in text and not text.startswith("<")
    return f"{text} ({kind})" if is_short else kind


@cache
def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    try:
        return get_type_hints(function)
    except NameError:  # an annotation that only type checkers can read
        return {}


def _matches(value: Any, hint: Any) -> bool:
    kind, options = get_origin(hint) or hint, get_args(hint)
    if kind in (Union, types.UnionType):
        return any(_matches(value, option) for option in options)
    if kind is Literal:
        return isinstance(value, str) and value in options
    if kind is bool:
        return isinstance(value, int | np.bool_) and value in (0, 1)
    if kind in (int, float):
        return _converts(value, operator.index if kind is int else _number)
    if kind is str:
        return isinstance(value, str | os.PathLike)
    if kind in _SEQUENCES:
        return _is_sequence(value) and _elements_match(value, kind, options)
    is_class = isinstance(kind, type) and kind is not Any and not getattr(kind, "_is_protocol", False)
    return isinstance(value, kind) if is_class else True


def _converts(value: Any, convert: Callable[[Any], object]) -> bool:
    if isinstance(value, bool | str | bytes):
        return False
    try:
        convert(value)
    except (TypeError, ValueError, RuntimeError):  # a tensor of several numbers raises any of them
        return False
    return True


def _number(value: Any) -> float:
    if math.isnan(number := float(value)):
        raise ValueError("NaN is not a number")
    return number


def _is_sequence(value: Any) -> bool:
    is_other = isinstance(value, str | bytes | Mapping)
    return not is_other and hasattr(value, "__len__") and hasattr(value, "__getitem__")


def _elements_match(values: Any, kind: Any, options: Sequence[Any]) -> bool:
    if kind is tuple and options and options[-1] is not Ellipsis and len(values) != len(options):
        return False
    return all(_matches(value, options[0]) for value in values) if options and options[0] in (int, float) else True


def _alternatives(hint: Any) -> Iterator[str]:
    """Yield the names of the types that a hint accepts, None last."""
    kind, options = get_origin(hint) or hint, get_args(hint)
    if kind in (Union, types.UnionType):
        for option in sorted(options, key=lambda option: option is type(None)):
            yield from _alternatives(option)
    elif kind is Literal:
        yield from map(repr, options)
    elif kind in _SEQUENCES:
        count = f"{len(options)} " if kind is tuple and options[-1:] != (Ellipsis,) else ""
        plural = {int: "integers", float: "numbers", str: "strings"}.get(options[0]) if options else None
        yield f"a list of {count}{plural}" if plural else "a list"
    else:
        name = getattr(kind, "__name__", str(kind))
        yield _NOUNS.get(kind, f"an {name}" if name[0] in "AEIOU" else f"a {name}")


def _either(alternatives: Sequence[str]) -> str:
    *others, last = alternatives
    return f"{', '.join(others)} or {last}" if others else last
