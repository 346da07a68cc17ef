"""Temporary replacement of attributes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["replaced_attribute"]

_ABSENT = object()
_open: list[_Replacement] = []


@contextmanager
def replaced_attribute(owner: Any, name: str, value: Any) -> Iterator[None]:
    """Set an attribute inside a block and restore exactly what was there on exit.

    An instance attribute becomes an instance attribute again, an attribute inherited from the class is inherited
    again, and an attribute of a class itself keeps its descriptor (``staticmethod``, for example). ``nn.Module`` does
    not register the value. Replacements of the same attribute may nest and may end in any order: if an earlier one
    ends first, the later one stays in effect and restores the value from before both.

    Args:
        owner: An object, a class or an imported module.
        name: The attribute's name. The attribute need not exist.
        value: The attribute's value inside the block.

    Example:
        >>> class Greeter:
        ...     def greet(self):
        ...         return "hello"
        >>> greeter = Greeter()
        >>> with replaced_attribute(greeter, "greet", lambda: "good evening"):
        ...     greeter.greet()
        'good evening'
        >>> greeter.greet(), vars(greeter)
        ('hello', {})
    """
    replacement = _Replacement(owner, name, value)
    try:
        yield
    finally:
        replacement.undo()


class _Replacement:
    """A replaced attribute with its value before the replacement."""

    def __init__(self, owner: Any, name: str, value: Any) -> None:
        self.owner, self.name, self.value = owner, name, value
        self.before = _read(owner, name)
        _write(owner, name, value)
        _open.append(self)

    def undo(self) -> None:
        """Restore the attribute, or hand its value on to the replacement that replaced this one."""
        later: _Replacement | None = None
        position = len(_open) - 1
        while _open[position] is not self:  # nearly always the last
            if _open[position].owner is self.owner and _open[position].name == self.name:
                later = _open[position]
            position -= 1
        del _open[position]
        if later is not None:
            later.before = self.before
        else:
            _write(self.owner, self.name, self.before)


def _is_managed(owner: Any, name: str) -> bool:
    """Return True if the attribute is not stored in the owner's dictionary: a property, a slot, a class attribute."""
    return (
        isinstance(owner, type)
        or not hasattr(owner, "__dict__")
        or hasattr(getattr(type(owner), name, None), "__set__")
    )


def _read(owner: Any, name: str) -> Any:
    if _is_managed(owner, name) and not isinstance(owner, type):
        return getattr(owner, name, _ABSENT)
    return vars(owner).get(name, _ABSENT)


def _write(owner: Any, name: str, value: Any) -> None:
    if _is_managed(owner, name):
        if value is _ABSENT:
            delattr(owner, name)
        else:
            setattr(owner, name, value)
    elif value is _ABSENT:
        vars(owner).pop(name, None)
    else:
        vars(owner)[name] = value
