"""The methods of an experiment: by name or with settings, and the control among them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor, nn

from camaug.experiments.base import ImageBatch
from camaug.experiments.random_map import RandomMap
from camaug.explainers import Explainer, Explanation, as_explainer, list_explainers

__all__ = ["RefusedError", "as_method", "as_methods", "explain", "image_count", "label", "omissions"]


def as_method(method: str | Explainer) -> Explainer:
    """The explainer itself, or the one of that name, where ``"random"`` is the control.

    Raises:
        ValueError: If the name is unknown.
        TypeError: If it is neither.

    Example:
        >>> as_method("random")
        RandomMap(cells=7, seed=0)
    """
    return RandomMap() if method == RandomMap.name else as_explainer(method)


def as_methods(methods: Sequence[str | Explainer]) -> dict[str, Explainer]:
    """Methods by their labels, in their order.

    Raises:
        ValueError: If there are none, or two are the same, or a name is unknown.
    """
    if not methods:
        raise ValueError(f"`methods` names no method, expected some of random, {', '.join(list_explainers())}")
    explainers = [as_method(method) for method in methods]
    labelled = {label(explainer): explainer for explainer in explainers}
    if len(labelled) < len(explainers):
        raise ValueError(f"`methods` names a method twice: {', '.join(label(explainer) for explainer in explainers)}")
    return labelled


def label(explainer: Explainer) -> str:
    """A method's name, and those of its settings that are not the defaults.

    Example:
        >>> from camaug import GroupCAM
        >>> label(GroupCAM(groups=16, theta=None))
        'group-cam groups=16 theta=None'
    """
    name = vars(type(explainer)).get("name", type(explainer).__name__)  # not that of a class it derives from
    changed = [
        f"{field.name}={_shown(value)}"
        for field in dataclasses.fields(explainer)
        if _shown(value := getattr(explainer, field.name)) != _shown(_default(explainer, field))
    ]
    return " ".join([name, *changed])


class RefusedError(ValueError):
    """A method does not work on this model, or not with these settings."""


def explain(
    method: Explainer,
    model: nn.Module,
    images: Tensor,
    targets: Tensor | None,
    forward: Callable[[Tensor], Tensor] | None = None,
) -> Explanation:
    """Ask a method.

    Raises:
        RefusedError: If it raises a ValueError. It is left out and named, and the others go on; anything else is an
            error of its own.
    """
    try:
        return method(model, images, targets, forward=forward)
    except ValueError as error:
        raise RefusedError(str(error)) from error


def omissions(omitted: dict[str, str], total: int) -> tuple[str, ...]:
    """What a table says of the methods that refused the model.

    Raises:
        ValueError: If all of them did.
    """
    if len(omitted) == total:
        reasons = "".join(f"\n  {name}: {reason}" for name, reason in omitted.items())
        raise ValueError(f"none of the methods works on this model:{reasons}")
    return tuple(f"left out: {name}, which refuses this model: {reason}" for name, reason in omitted.items())


def image_count(batches: Sequence[ImageBatch]) -> int:
    """How many images there are."""
    return sum(len(batch.images) for batch in batches)


def _default(explainer: Explainer, field: dataclasses.Field[Any]) -> Any:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    # What a class makes of its default, an explainer of a name for example, is the default too.
    try:
        return getattr(type(explainer)(), field.name)
    except TypeError:  # a class of one's own with a setting that must be given
        return field.default


def _shown(value: Any) -> str:
    return label(value) if isinstance(value, Explainer) else str(value)
