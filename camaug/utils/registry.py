"""Classes that configurations choose by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from camaug.utils.did_you_mean import did_you_mean

__all__ = ["Registry"]


T = TypeVar("T")
C = TypeVar("C", bound=type)


class Registry(Generic[T]):
    """Classes by name, with errors that suggest the nearest names.

    Args:
        kind: A noun for what is registered, for messages.

    Example:
        >>> shapes: Registry[object] = Registry("shape")
        >>> @shapes.register("circle")
        ... class Circle:
        ...     name = ""
        >>> shapes.names(), shapes["circle"] is Circle, Circle.name
        (['circle'], True, 'circle')
        >>> shapes["cirle"]
        Traceback (most recent call last):
        ValueError: unknown shape 'cirle', did you mean 'circle'? expected one of circle
    """

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._classes: dict[str, type[T]] = {}

    def register(self, name: str) -> Callable[[C], C]:
        """Return a class decorator that registers a class under a name and stores it as the class's ``name``.

        Args:
            name: The public name, in lower case with hyphens.

        Raises:
            ValueError: If the name is taken.
        """

        def decorate(registered: C) -> C:
            if name in self._classes:
                taken = self._classes[name].__name__
                raise ValueError(f"the {self._kind} name {name!r} is taken by {taken}: choose another")
            registered.name = name  # type: ignore[attr-defined]
            self._classes[name] = registered
            return registered

        return decorate

    def names(self) -> list[str]:
        """Return the registered names in alphabetical order."""
        return sorted(self._classes)

    def __getitem__(self, name: str) -> type[T]:
        """Return the class of a name.

        Raises:
            ValueError: If the name is unknown.
        """
        if name not in self._classes:
            hint = did_you_mean(name, self._classes)
            raise ValueError(f"unknown {self._kind} {name!r}, {hint}expected one of {', '.join(self.names())}")
        return self._classes[name]
