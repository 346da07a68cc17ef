"""The methods of an experiment, by name or with settings, with the random map as a control."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from camaug.experiments.random_map import RandomMap
from camaug.explainers import Explainer, as_explainer, list_explainers

__all__ = ["get_method", "method_label", "named_methods"]


def get_method(method: str | Explainer) -> Explainer:
    """Return the explainer itself, or the explainer of a name, where ``"random"`` is the control.

    Raises:
        ValueError: If the name is unknown.
        TypeError: If the argument is neither.

    Example:
        >>> get_method("random")
        RandomMap(cells=7, seed=0)
    """
    return RandomMap() if method == RandomMap.name else as_explainer(method)


def named_methods(methods: Sequence[str | Explainer]) -> dict[str, Explainer]:
    """Return the methods by their labels, in their order.

    Raises:
        ValueError: If there are none, or two are the same, or a name is unknown.
    """
    if not methods:
        raise ValueError(f"`methods` names no method, expected some of random, {', '.join(list_explainers())}")
    explainers = [get_method(method) for method in methods]
    labels = [method_label(explainer) for explainer in explainers]
    if len(set(labels)) < len(labels):
        raise ValueError(f"`methods` names a method twice: {', '.join(labels)}")
    return dict(zip(labels, explainers, strict=True))


def method_label(explainer: Explainer) -> str:
    """Return a method's name and its settings that are not the defaults.

    Example:
        >>> from camaug import GroupCAM
        >>> method_label(GroupCAM(groups=16, theta=None))
        'group-cam groups=16 theta=None'
    """
    name = vars(type(explainer)).get("name", type(explainer).__name__)  # not the name of a base class
    changed = [
        f"{field.name}={value}"
        for field in dataclasses.fields(explainer)
        if (value := _to_text(getattr(explainer, field.name))) != _to_text(_default(explainer, field))
    ]
    return " ".join([name, *changed])


def _default(explainer: Explainer, field: dataclasses.Field[Any]) -> Any:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    # A class may convert its default, for example the name of an explainer to the explainer.
    try:
        return getattr(type(explainer)(), field.name)
    except TypeError:  # a user's class with a required setting
        return field.default


def _to_text(value: Any) -> str:
    return method_label(value) if isinstance(value, Explainer) else str(value)
