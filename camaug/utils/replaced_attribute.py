"""The one way to change an attribute for a while and change it back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["replaced_attribute"]

_ABSENT = object()
_open: list[_Replacement] = []


@contextmanager
def replaced_attribute(owner: Any, name: str, value: Any) -> Iterator[None]:
    """Set an attribute for the length of a block, then restore exactly what was there.

    An attribute of the instance becomes the instance's own again, one that came from the class is found in the class
    again, and a class's own attribute (a ``staticmethod``, for example) is put back undecorated. ``nn.Module`` does not
    register what is set. Replacements of the same attribute may nest and may end in any order: each restores what it
    replaced, and one that ends beneath another leaves the upper one in effect.

    Args:
        owner: An object, a class or an imported module.
        name: The attribute's name, which need not exist yet.
        value: What the attribute is inside the block.

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
    """An attribute's value and what it stands in for."""

    def __init__(self, owner: Any, name: str, value: Any) -> None:
        self.owner, self.name, self.value = owner, name, value
        self.before = _read(owner, name)
        _write(owner, name, value)
        _open.append(self)

    def undo(self) -> None:
        position = next(position for position, each in enumerate(_open) if each is self)
        _open.pop(position)
        above = [each for each in _open[position:] if each.owner is self.owner and each.name == self.name]
        if above:
            above[0].before = self.before
        else:
            _write(self.owner, self.name, self.before)


def _is_managed(owner: Any, name: str) -> bool:
    """Return True if the attribute is not kept in the owner's dictionary: a property, a slot, a class's attribute."""
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
