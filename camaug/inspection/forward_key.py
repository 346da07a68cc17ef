"""Identity of the functions that are passed as ``forward=``."""

from __future__ import annotations

import functools
import inspect
import types
import weakref
from collections.abc import Callable, Hashable
from typing import Any

import torch

__all__ = ["forward_key"]

_CONSTANTS = (str, int, float, bool, types.NoneType, torch.dtype, torch.device)


def forward_key(forward: Callable[..., Any]) -> Hashable:
    """Return a key that is equal for functions that compute the same, and that keeps nothing alive.

    Two functions are the same if they have the same code and refer to the same objects: a lambda or a bound method
    that is made again for every call keeps its key. A wrapper with the attribute ``__wrapped__`` has the key of the
    function it wraps. A function that refers to an object without weak references, such as a list, equals only itself.

    Example:
        >>> class Model:
        ...     def predict(self, images):
        ...         return images
        >>> model, other = Model(), Model()
        >>> forward_key(model.predict) == forward_key(model.predict)
        True
        >>> forward_key(model.predict) == forward_key(other.predict)
        False
    """
    forward = inspect.unwrap(forward)
    if isinstance(forward, types.FunctionType):
        cells = (cell.cell_contents for cell in forward.__closure__ or ())
        defaults = (*(forward.__defaults__ or ()), *(forward.__kwdefaults__ or {}).values())
        parts = [_key(value) for value in (*cells, *defaults)]
        if all(part.is_weak for part in parts if isinstance(part, _Identity)):
            return (_Identity(forward.__code__), *parts)
    return _key(forward)


def _key(value: Any) -> Hashable:
    if isinstance(value, functools.partial):
        return (*map(_key, (value.func, *value.args, *value.keywords.values())), *value.keywords)
    if isinstance(value, types.MethodType):
        return (_Identity(value.__func__), _Identity(value.__self__))
    return value if isinstance(value, _CONSTANTS) else _Identity(value)


class _Identity:
    """Weak reference that equals another only while both refer to the same object."""

    def __init__(self, value: object) -> None:
        self._hash = id(value)
        try:
            self._reference: Callable[[], object] = weakref.ref(value)
        except TypeError:
            self._reference = _no_object

    @property
    def is_weak(self) -> bool:
        """Return True if the object has weak references, without which no other identity equals this one."""
        return self._reference is not _no_object

    def __eq__(self, other: object) -> bool:
        value = self._reference()
        return self is other or (value is not None and isinstance(other, _Identity) and other._reference() is value)

    def __hash__(self) -> int:
        return self._hash


def _no_object() -> None:
    return None
