"""Classes whose maps are written for each image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from camaug.utils.portable_names import portable_names

__all__ = ["WrittenTarget", "written_targets"]

_LARGEST_NAME = 60  # bytes of a class name, since the names of photos may be long, too


class WrittenTarget(NamedTuple):
    """A class that is explained in every image.

    Attributes:
        request: Index or name of the class, None for the predicted class.
        suffix: What follows the image's name in the names of the files.
    """

    request: int | str | None
    suffix: str = ""

    def settings(self, common: Mapping[str, Any]) -> dict[str, Any]:
        """Return the settings that a result of this class depends on."""
        return {**common, "requested": self.request}


def written_targets(target: int | str | None, targets: Sequence[int | str] | None) -> tuple[WrittenTarget, ...]:
    """Return the classes to explain: one without a suffix, or several with one.

    Raises:
        ValueError: If both arguments are given, there is no class, or one is given twice.

    Example:
        >>> [each.suffix for each in written_targets(None, [3, "red fox"])]
        ['_class3', '_red fox']
    """
    if targets is None:
        return (WrittenTarget(target),)
    if target is not None or isinstance(targets, str) or not targets:
        raise ValueError(
            f"give one class by `target`, or a list of classes by `targets`, got target={target!r} and "
            f"targets={targets!r}"
        )
    if len(set(targets)) < len(targets):
        raise ValueError(f"`targets` must be different classes, got {list(targets)}")
    names = portable_names([each for each in targets if isinstance(each, str)], _LARGEST_NAME)
    return tuple(
        WrittenTarget(each, f"_{names[each]}" if isinstance(each, str) else f"_class{each}") for each in targets
    )
