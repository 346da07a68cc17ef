"""Class names of a model, and classes by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

from torch import nn

from camaug.utils.did_you_mean import did_you_mean

__all__ = ["as_class_names", "class_label", "find_class", "known_class_names"]

_IMAGENET_CLASSES = 1000
_FEW = 20


def known_class_names(model: nn.Module, classes: int) -> list[str] | None:
    """Return the names of a model's classes if they are known.

    They are the attribute ``class_names``, or a Hugging Face model's ``config.id2label``, of the model or of a module
    inside it, if it has one name per class; for another model of 1000 classes they are ImageNet's, from timm, without
    network access.

    Args:
        model: The classifier.
        classes: The number of its logits.

    Returns:
        One name per class, or None.
    """
    for module in model.modules():
        names = as_class_names(getattr(module, "class_names", None)) or _id2label(getattr(module, "config", None))
        if names is not None and len(names) == classes:
            return names
    if classes == _IMAGENET_CLASSES:
        return list(_imagenet())
    return None


def as_class_names(value: object) -> list[str] | None:
    """Return names by class index, of a list, or of a mapping between names and indices, or None for anything else.

    Example:
        >>> as_class_names(("ant", "bee")), as_class_names({"bee": 1, "ant": 0}), as_class_names({1: "bee", 0: "ant"})
        (['ant', 'bee'], ['ant', 'bee'], ['ant', 'bee'])
    """
    if isinstance(value, Mapping):
        pairs = [(name, key) if isinstance(name, int) else (key, name) for key, name in value.items()]
        names = {int(index): name for index, name in pairs if str(index).isdigit()}
        is_complete = len(names) == len(value) and set(names) == set(range(len(names)))
        return [str(names[index]) for index in range(len(names))] if is_complete and names else None
    return [str(name) for name in value] if isinstance(value, list | tuple) and value else None


def _id2label(config: object) -> list[str] | None:
    """Return the names of a Hugging Face configuration, unless they are its defaults."""
    names = as_class_names(getattr(config, "id2label", None))
    return None if names is None or all(name.startswith("LABEL_") for name in names) else names


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
