"""The names of a model's classes, and classes by their names."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from functools import cache

from torch import nn

__all__ = ["class_label", "find_class", "known_class_names"]

_IMAGENET_CLASSES = 1000


def known_class_names(model: nn.Module, classes: int) -> list[str] | None:
    """The names of a model's classes, where they are known.

    The model's own (``class_names``, its or a module's inside it), where there is one for each class; ImageNet's for a
    model of 1000 classes, from timm, without a network.

    Args:
        model: The classifier.
        classes: How many logits it gives.

    Returns:
        One name a class, or None.
    """
    for module in model.modules():
        names = getattr(module, "class_names", None)
        if isinstance(names, list | tuple) and len(names) == classes:
            return [str(name) for name in names]
    if classes == _IMAGENET_CLASSES:
        return list(_imagenet())
    return None


def find_class(name: str, names: Sequence[str] | None) -> int:
    """The class of a name.

    A name is the whole of a class's ("tench, Tinca tinca") or one of its synonyms between commas ("tench"); upper and
    lower case are the same.

    Args:
        name: The name that is looked for.
        names: The names of the classes; None where they are not known.

    Returns:
        The class's index.

    Raises:
        ValueError: If no class, or more than one, has that name, or the names are not known.

    Example:
        >>> find_class("Tench", ["tench, Tinca tinca", "goldfish, Carassius auratus"])
        0
    """
    if names is None:
        raise ValueError(
            f"the class {name!r} is asked for by name, and the names of the model's classes are not known: pass "
            "class_names=, one name a class, or the class's index"
        )
    wanted = name.strip().lower()
    whole = [index for index, known in enumerate(names) if known.lower() == wanted]
    found = whole or [index for index, known in enumerate(names) if wanted in _synonyms(known)]
    if len(found) == 1:
        return found[0]
    if found:
        raise ValueError(
            f"the class {name!r} is one of {len(found)} of that name: give its index, one of "
            f"{', '.join(f'{index} ({names[index]})' for index in found)}"
        )
    synonyms = {synonym: index for index, known in enumerate(names) for synonym in _synonyms(known)}
    near = difflib.get_close_matches(wanted, synonyms, n=5, cutoff=0.5)
    nearest = ", ".join(dict.fromkeys(repr(names[synonyms[synonym]]) for synonym in near)) or "none"
    raise ValueError(f"the model has no class {name!r} among its {len(names)}; the nearest names are {nearest}")


@cache
def _imagenet() -> tuple[str, ...]:
    from timm.data.imagenet_info import ImageNetInfo

    info = ImageNetInfo()
    return tuple(info.index_to_description(index) for index in range(_IMAGENET_CLASSES))


def class_label(names: Sequence[str] | None, index: int) -> str:
    """The name of a class, or its number where it has none."""
    return names[index] if names is not None and index < len(names) else f"class {index}"


def _synonyms(name: str) -> list[str]:
    return [synonym.strip() for synonym in name.lower().split(",")]
