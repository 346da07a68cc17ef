"""A suggestion for error messages about an unknown name."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = ["did_you_mean"]


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """Return the question ``did you mean 'NEAREST'? `` with up to three near names, or an empty string without any.

    Args:
        name: The unknown name. Its case does not matter.
        known: The known names.

    Example:
        >>> did_you_mean("Dog", ["cats", "dogs"])
        "did you mean 'dogs'? "
    """
    by_lower_case = {each.lower(): each for each in known}
    near = difflib.get_close_matches(str(name).lower(), by_lower_case, n=3, cutoff=0.5)
    return f"did you mean {' or '.join(repr(by_lower_case[each]) for each in near)}? " if near else ""
