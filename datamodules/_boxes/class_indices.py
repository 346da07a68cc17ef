"""The classes of a classifier that the categories of annotations correspond to."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from camaug.utils.did_you_mean import did_you_mean

__all__ = ["ClassIndices", "parse_class_indices"]

ClassIndices = int | str | list[int | str]
"""A class index, a range of indices as text ("151-268", both ends included), or a list of both."""


def parse_class_indices(mapping: Mapping[str, ClassIndices], categories: Sequence[str]) -> dict[str, tuple[int, ...]]:
    """Return the class indices of each category in the mapping.

    Args:
        mapping: For each category one index, a range of indices, or a list of both.
        categories: The categories of the annotations.

    Returns:
        The indices of each mapped category, in the order of `categories`.

    Raises:
        ValueError: If a category does not exist, or its indices are none, negative, not numbers, or given twice.

    Example:
        >>> parse_class_indices({"dog": "151-153", "zebra": 340, "cat": ["281-282", 284]}, ["cat", "dog", "zebra"])
        {'cat': (281, 282, 284), 'dog': (151, 152, 153), 'zebra': (340,)}
    """
    for name in mapping:
        if name not in categories:
            raise ValueError(
                f"`class_indices` maps the unknown category {name!r}, {did_you_mean(name, categories)}expected one of "
                f"the annotations' {len(categories)}"
            )
    if not mapping:
        raise ValueError("`class_indices` maps no category: give some, or None to use every category as a class")
    return {name: _parse_indices(mapping[name], name) for name in categories if name in mapping}


def _parse_indices(value: ClassIndices, category: str) -> tuple[int, ...]:
    parts = value if isinstance(value, list) else [value]
    indices = tuple(index for part in parts for index in _parse_part(part, category))
    if not indices or len(set(indices)) < len(indices):
        problem = "an index more than once" if indices else "no index"
        raise ValueError(f"`class_indices` gives the category {category!r} {problem}: {value}")
    return indices


def _parse_part(part: int | str, category: str) -> Sequence[int]:
    if isinstance(part, int) and not isinstance(part, bool) and part >= 0:
        return [part]
    match = re.fullmatch(r"\s*(\d+)\s*(?:-\s*(\d+))?\s*", part) if isinstance(part, str) else None
    if match is not None:
        first, last = int(match[1]), int(match[2] or match[1])
        if first <= last:
            return range(first, last + 1)
    raise ValueError(
        f"`class_indices` gives the category {category!r} the index {part!r}. Expected a whole number from 0 on, "
        "a range as '151-268', or a list of both"
    )
