"""Refused values of the argument parser, in plain sentences."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import lightning as L

from camaug.experiments.experiment import Experiment
from camaug.utils.did_you_mean import did_you_mean

__all__ = ["refused_value"]

_BASES: dict[str, Sequence[type]] = {"data": [L.LightningDataModule], "experiment": [Experiment]}
_NOUNS = {"int": "an integer", "float": "a number", "str": "a string", "bool": "true or false", "NoneType": "null"}


def refused_value(key: str, message: str) -> str:
    """Return the refusal of an option's value, which may be a class with arguments, in a sentence.

    Args:
        key: Name of the option.
        message: The message of jsonargparse, which is returned if its kind is unknown.

    Example:
        >>> refused_value("model.optimizer", "Expected a typing.Literal['sgd', 'adamw']. Got value: adamm")
        "`model.optimizer` must be sgd or adamw, got adamm, did you mean 'adamw'?"
    """
    bases = list(_base_classes(message))
    argument = re.search(r"given class_path '([\w.]+)':\s+(.*)", message, re.DOTALL)
    if argument is not None:
        return _refused_argument(key, argument[1], argument[2].partition("\n    -")[0] + "\n", bases)
    path = re.search(r"Expected a dot import path string: (\S+)", message)
    nested = re.search(r"NestedArg\(key='(\S+)', val='(.*)'\)", message)
    if path is not None and nested is not None:
        return _refused_class(key, path[1], nested[1], nested[2], bases)
    if path is not None:
        hint = did_you_mean(path[1], _names(bases or _BASES.get(key, [])))
        return f"`{key}` must be the name of a class, got {path[1]!r}, {hint}".rstrip(" ,")
    return _refused_type(key, message)


def _refused_argument(key: str, path: str, problem: str, bases: Sequence[type]) -> str:
    """Describe a wrong or missing argument of a class."""
    chosen, name = _load(path), path.rpartition(".")[2]
    unknown = re.match(r"Option '([\w.]+)' is not accepted", problem)
    if unknown is not None and chosen in bases:
        classes = ", ".join(_names(bases, own=True))
        return f"`{key}.{unknown[1]}` needs the class beside it: --{key} CLASS, where CLASS is one of {classes}"
    if unknown is not None and chosen is not None:
        known = list(inspect.signature(chosen).parameters)
        hint = did_you_mean(unknown[1], known)
        return f"`{key}`: {name} has no argument {unknown[1]!r}, {hint}expected some of {', '.join(known)}"
    missing = re.match(r"the following arguments are required: (.*?)\n", problem)
    if missing is not None:
        arguments = " ".join(f"--{key}.{each} VALUE" for each in missing[1].split(", "))
        return f"`{key}`: {name} needs {missing[1].replace(', ', ' and ')}: give {arguments}"
    if chosen is None and unknown is None:
        return f"`{key}`: there is no class {path!r} ({problem.strip()}), in {Path.cwd()} or the installed packages"
    inner = re.match(r'Parser key "([\w.]+)":', problem)
    return f"`{key}`: {name}: {problem.strip()}" if inner is None else _refused_type(f"{key}.{inner[1]}", problem)


def _refused_class(key: str, given: str, argument: str, value: str, bases: Sequence[type]) -> str:
    """Describe a class that is misspelt, or given by its registered name, where an argument of it follows."""
    # A class derived from a registered one inherits its name without being registered.
    by_name = {vars(known).get("name"): known.__name__ for base in bases for known in _subclasses(base)}
    if given not in by_name:
        known = _names(bases, own=True)
        return f"`{key}`: unknown class {given!r}, {did_you_mean(given, known)}expected one of {', '.join(known)}"
    return (
        f"`{key}.{argument}` needs the class beside it, not the name {given!r}: "
        f"--{key} {by_name[given]} --{key}.{argument} {value}"
    )


def _refused_type(key: str, message: str) -> str:
    literals: list[str] = []
    nouns: list[str] = []
    for expected in re.findall(r"Expected a ((?:<class '\w+'>)|(?:typing\.Literal\[.*?\]))", message):
        if expected.startswith("<"):
            nouns.append(_NOUNS.get(expected[8:-2], f"a {expected[8:-2]}"))
        else:
            literals += [str(value) for value in ast.literal_eval(expected.removeprefix("typing.Literal"))]
    value = re.search(r"(?:Given|Got) value: (.*?)(?:\n|$)", message)
    if value is None or not (literals or nouns):
        return message
    *others, last = dict.fromkeys(literals + nouns)
    expected = f"{', '.join(others)} or {last}" if others else last
    return f"`{key}` must be {expected}, got {value[1]}, {did_you_mean(value[1], literals)}".rstrip(" ,")


def _base_classes(message: str) -> Iterator[type]:
    """Yield the classes of which the parser expects a subclass."""
    subtypes = re.search(r"Subtypes: \[(.*)\]\n", message)
    for path in re.findall(r"[a-z_]\w*(?:\.\w+)+", subtypes[1] if subtypes else ""):
        loaded = _load(path)
        if isinstance(loaded, type):
            yield loaded


def _load(path: str) -> Any:
    """Return the object of an import path, or None if there is none."""
    module, _, name = path.rpartition(".")
    try:
        return getattr(importlib.import_module(module), name, None)
    except ImportError:
        return None


def _names(bases: Sequence[type], *, own: bool = False) -> list[str]:
    """Return the sorted names of all concrete subclasses, or only of those of this package."""
    found = {known for base in bases for known in _subclasses(base)}
    return sorted(known.__name__ for known in found if not own or _is_own(known))


def _subclasses(base: type) -> Iterator[type]:
    subclasses: list[type] = base.__subclasses__()
    for subclass in subclasses:
        if not inspect.isabstract(subclass):
            yield subclass
        yield from _subclasses(subclass)


def _is_own(subclass: type) -> bool:
    """Return True if the class is one of this package's that users choose."""
    package = __name__.partition(".")[0]
    return subclass.__module__.partition(".")[0] == package and getattr(subclass, "name", None) != "unregistered"
