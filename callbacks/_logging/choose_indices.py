"""Choice of items of a data set."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

from .dataset_targets import dataset_targets

__all__ = ["balanced_indices", "choose_indices"]


def choose_indices(dataset: Any, count: int) -> list[int]:
    """Choose items of a data set: balanced over its classes if they are known, else at even distances.

    Args:
        dataset: A data set with a length.
        count: Number of items, at most the data set's length.

    Returns:
        Indices of the items, the same at every call.
    """
    targets = dataset_targets(dataset)
    return _evenly(range(len(dataset)), count) if targets is None else balanced_indices(targets, count)


def balanced_indices(targets: Sequence[int], count: int) -> list[int]:
    """Choose the same number of items of every class, as far as each class has them.

    Args:
        targets: Class of each item.
        count: Number of items, at most ``len(targets)``.

    Returns:
        Indices of the items, class by class.

    Example:
        >>> balanced_indices([0, 0, 0, 0, 1, 1, 2], count=4)
        [0, 2, 4, 6]
    """
    members: dict[int, list[int]] = {}
    for index, target in enumerate(targets):
        members.setdefault(int(target), []).append(index)
    classes = sorted(members)
    if count < len(classes):
        return [members[target][0] for target in _evenly(classes, count)]
    quotas = dict.fromkeys(classes, 0)
    for target in itertools.islice(_round_robin({target: len(members[target]) for target in classes}), count):
        quotas[target] += 1
    return [index for target in classes for index in _evenly(members[target], quotas[target])]


def _round_robin(sizes: dict[int, int]) -> Iterator[int]:
    for turn in range(max(sizes.values())):
        yield from (target for target, size in sizes.items() if turn < size)


def _evenly(values: Sequence[int], count: int) -> list[int]:
    return [values[position * len(values) // count] for position in range(count)]
