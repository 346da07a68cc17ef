"""Check of names of classes that look alike."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path

from lightning.pytorch.utilities import rank_zero_warn

__all__ = ["check_names_look_different", "looks_like"]


def check_names_look_different(folder: Path, names: Iterable[str]) -> None:
    """Raise a ValueError if two class folders have names that are printed alike, and warn if only the case differs.

    Args:
        folder: The folder of the class folders.
        names: Names of the class folders.
    """
    names = list(names)
    for alike in _groups(names, looks_like):
        raise ValueError(
            f"the class folders {_escaped(alike)} of {folder} look alike: their names differ in spaces or in how "
            "accents are encoded, and in nothing else. Put their images into one folder, or rename one"
        )
    for alike in _groups(names, lambda name: looks_like(name).casefold()):
        rank_zero_warn(
            f"the class folders {', '.join(alike)} of {folder} differ in case alone. They are different classes: put "
            "their images into one folder if they should not be"
        )


def looks_like(name: str) -> str:
    """Return what is equal for names that are printed alike.

    Example:
        >>> looks_like("ant ") == looks_like("ant"), looks_like("Ant") == looks_like("ant")
        (True, False)
    """
    return " ".join(unicodedata.normalize("NFC", name).split())


def _groups(names: Iterable[str], key: Callable[[str], str]) -> list[list[str]]:
    groups: defaultdict[str, list[str]] = defaultdict(list)
    for name in names:
        groups[key(name)].append(name)
    return [alike for alike in groups.values() if len(alike) > 1]


def _escaped(names: Iterable[str]) -> str:
    return " and ".join(map(ascii, names))
