"""Random-number generators that objects keep for themselves."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
import torch

__all__ = ["preserved_own_generators"]

DEEPEST = 6  # attributes inside attributes: a subset of a data set with transforms inside transforms
MOST_OBJECTS = 2000
_VALUES = (str, bytes, int, float, complex, bool, type(None), torch.Tensor, np.ndarray, type)


@contextmanager
def preserved_own_generators(*owners: Any) -> Iterator[None]:
    """Restore the states of the generators that objects keep for themselves when the block ends.

    Data sets and transforms may draw from a ``numpy.random.Generator`` or ``RandomState``, a ``random.Random`` or a
    ``torch.Generator`` of their own, which a seed of the process does not reach.

    Args:
        *owners: Objects whose attributes, lists and dictionaries are searched, such as data sets.

    Example:
        >>> class Dataset:
        ...     def __init__(self):
        ...         self.own = np.random.default_rng(0)
        >>> dataset = Dataset()
        >>> with preserved_own_generators(dataset):
        ...     first = dataset.own.random()
        >>> dataset.own.random() == first
        True
    """
    restore = [restorer for generator in _generators(owners) if (restorer := _restorer(generator)) is not None]
    try:
        yield
    finally:
        for each in restore:
            each()


def _generators(owners: tuple[Any, ...]) -> Iterator[Any]:
    """Yield every generator in the objects, once."""
    seen: dict[int, Any] = {}  # the objects too, so that no id is reused
    level = list(owners)
    for _ in range(DEEPEST):
        level = [each for each in level if id(each) not in seen and not isinstance(each, _VALUES)]
        seen.update((id(each), each) for each in level)
        yield from (each for each in level if _restorer(each) is not None)
        if len(seen) > MOST_OBJECTS:
            return
        level = [inner for each in level for inner in _parts(each)]


def _parts(owner: Any) -> list[Any]:
    if isinstance(owner, Mapping):
        return list(owner.values())[:MOST_OBJECTS]
    if isinstance(owner, list | tuple | set):
        return list(owner)[:MOST_OBJECTS]
    return list(vars(owner).values()) if hasattr(owner, "__dict__") else []


def _restorer(generator: Any) -> Callable[[], object] | None:
    """Return a function that restores the present state of a generator, None for any other object."""
    if isinstance(generator, np.random.Generator):
        return partial(setattr, generator.bit_generator, "state", generator.bit_generator.state)
    if isinstance(generator, np.random.RandomState):
        return partial(generator.set_state, generator.get_state())
    if isinstance(generator, random.Random):
        return partial(generator.setstate, generator.getstate())
    if isinstance(generator, torch.Generator):
        return partial(generator.set_state, generator.get_state())
    return None
