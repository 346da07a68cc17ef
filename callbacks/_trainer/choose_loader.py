"""Choice of one data loader among several."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

__all__ = ["ChosenLoader", "choose_loader"]


class ChosenLoader(NamedTuple):
    """One of the Trainer's data loaders.

    Attributes:
        loader: The data loader.
        number: Its number, which Lightning passes to hooks as ``dataloader_idx``.
        name: Its name, joined by dots in nested dictionaries.
        message: The loaders that there are and the chosen one, or an empty string if there is only one.
    """

    loader: Any
    number: int
    name: str
    message: str


def choose_loader(loaders: Any, choice: str | int | None = None) -> ChosenLoader:
    """Choose a loader, by default the first one.

    Args:
        loaders: A loader, or nested lists and dictionaries of loaders.
        choice: Name or number of the loader. The name of a loader in nested dictionaries is joined by dots.

    Raises:
        ValueError: If there is no such loader.

    Example:
        >>> choose_loader({"unlabelled": iter([]), "labelled": iter([])}, "labelled").number
        1
    """
    named = list(_named_loaders(loaders, ()))
    names = [name for name, _ in named]
    listed = ", ".join(f"{index} ({name})" if name != str(index) else name for index, name in enumerate(names))
    position = 0 if choice is None else _position(names, choice)
    if position is None or position >= len(named):
        raise ValueError(f"loader={choice!r} is not among the data loaders {listed or '(none)'}")
    message = ""
    if len(named) > 1:
        message = f"the images are of loader {names[position]!r}, one of {listed}; choose another with loader="
    return ChosenLoader(named[position][1], position, names[position], message)


def _position(names: list[str], choice: str | int) -> int | None:
    if isinstance(choice, int):
        return choice if choice >= 0 else None
    return names.index(choice) if choice in names else None


def _named_loaders(loaders: Any, path: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    if isinstance(loaders, Mapping):
        for key, loader in loaders.items():
            yield from _named_loaders(loader, (*path, str(key)))
    elif isinstance(loaders, list | tuple):
        for index, loader in enumerate(loaders):
            yield from _named_loaders(loader, (*path, str(index)))
    else:
        yield ".".join(path), loaders
