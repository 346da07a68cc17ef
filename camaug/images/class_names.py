"""Class names of a model, and classes by name."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from torch import nn

from camaug.utils.did_you_mean import did_you_mean

__all__ = ["class_label", "find_class", "known_class_names"]

_IMAGENET_CLASSES = 1000
_FEW = 20


def known_class_names(model: nn.Module, classes: int) -> list[str] | None:
    """Return the names of a model's classes if they are known.

    They are the attribute ``class_names`` of the model or of a module inside it, if it has one name per class; for
    another model of 1000 classes they are ImageNet's, from timm, without network access.

    Args:
        model: The classifier.
        classes: The number of its logits.

    Returns:
        One name per class, or None.
    """
    for module in model.modules():
        names = getattr(module, "class_names", None)
        if isinstance(names, list | tuple) and len(names) == classes:
            return [str(name) for name in names]
    if classes == _IMAGENET_CLASSES:
        return list(_imagenet())
    return None


def find_class(name: str, names: Sequence[str] | None) -> int:
    """Find a class by its name.

    The name is a full class name ("tench, Tinca tinca") or one of its synonyms between commas ("tench"), in upper or
    lower case.

    Args:
        name: The name.
        names: The names of all classes, or None if they are not known.

    Returns:
        The class's index.

    Raises:
        ValueError: If no class or more than one has the name, or the names are not known.

    Example:
        >>> find_class("Tench", ["tench, Tinca tinca", "goldfish, Carassius auratus"])
        0
    """
    if names is None:
        raise ValueError(
            f"the class {name!r} is given by name, and the names of the model's classes are not known: pass "
            "class_names=, one name per class, or the class index"
        )
    query = name.strip().lower()
    exact = [index for index, known in enumerate(names) if known.lower() == query]
    matches = exact or [index for index, known in enumerate(names) if query in _synonyms(known)]
    if len(matches) == 1:
        return matches[0]
    if matches:
        raise ValueError(
            f"{len(matches)} classes have the name {name!r}: pass the index, one of "
            f"{', '.join(f'{index} ({names[index]})' for index in matches)}"
        )
    synonyms = [synonym for known in names for synonym in _synonyms(known)]
    known = f"expected one of {', '.join(names)}" if len(names) <= _FEW else f"expected one of its {len(names)} names"
    raise ValueError(f"the model has no class {name!r}, {did_you_mean(query, synonyms)}{known}")


@cache
def _imagenet() -> tuple[str, ...]:
    from timm.data.imagenet_info import ImageNetInfo

    info = ImageNetInfo()
    return tuple(info.index_to_description(index) for index in range(_IMAGENET_CLASSES))


def class_label(names: Sequence[str] | None, index: int) -> str:
    """Return the name of a class, or ``class 7`` if it has none."""
    return names[index] if names is not None and index < len(names) else f"class {index}"


def _synonyms(name: str) -> list[str]:
    return [synonym.strip() for synonym in name.lower().split(",")]
