"""The names under which explainers are known to configurations, callbacks and tests."""

from __future__ import annotations

import difflib
import importlib
import inspect
from collections.abc import Callable
from typing import Any, TypeVar

from camaug.explainers.base import Explainer

__all__ = ["as_explainer", "get_explainer", "list_explainers", "register_explainer"]

_registry: dict[str, type[Explainer]] = {}
T = TypeVar("T", bound=type[Explainer])


def register_explainer(name: str) -> Callable[[T], T]:
    """Class decorator that makes an explainer known under a name.

    Args:
        name: The public name, in lower case with hyphens.

    Raises:
        ValueError: If the name is taken.
    """

    def register(explainer: T) -> T:
        if name in _registry:
            raise ValueError(f"the explainer name {name!r} is taken by {_registry[name].__name__}: choose another")
        _registry[name] = explainer
        explainer.name = name
        return explainer

    return register


def list_explainers() -> list[str]:
    """The names of all explainers, in alphabetical order.

    Example:
        >>> list_explainers()
        ['ablation-cam', 'aug-smooth', 'cam', ..., 'x-grad-cam', 'xrai']
    """
    return sorted(_registry)


def as_explainer(explainer: str | Explainer) -> Explainer:
    """The explainer itself, or the one of that name.

    Raises:
        ValueError: If the name is unknown.
        TypeError: If it is neither.
    """
    if isinstance(explainer, str):
        return get_explainer(explainer)
    if not isinstance(explainer, Explainer):
        given = f"the class {explainer.__name__}" if isinstance(explainer, type) else type(explainer).__name__
        raise TypeError(f"expected one explainer, or the name of one such as 'grad-cam' or GradCAM(), got {given}")
    return explainer


def get_explainer(name: str, **settings: Any) -> Explainer:
    """Make an explainer from its name.

    Args:
        name: One of :func:`list_explainers`, or where a class of your own is imported from, ``"my_module.MyCAM"``.
        **settings: Arguments of the explainer's class.

    Returns:
        The explainer.

    Raises:
        ValueError: If the name or a setting is unknown; the message gives the nearest ones.

    Example:
        >>> get_explainer("group-cam", groups=16)
        GroupCAM(layer=None, fuse='mean', groups=16, theta=70.0, weighted=True, subtract_baseline=True,
                 normalise_after=False, grouping='order', blur_kernel_size=51, blur_sigma=50.0, chunk_size=None,
                 query_scale=1.0)
    """
    explainer = _registry.get(name) or _imported(name)
    if explainer is None:
        nearest = difflib.get_close_matches(name, _registry, n=3, cutoff=0.4)
        hint = f"did you mean {' or '.join(map(repr, nearest))}? " if nearest else ""
        raise ValueError(f"unknown explainer {name!r}, {hint}expected one of {', '.join(list_explainers())}")
    known = list(inspect.signature(explainer).parameters)
    unknown = sorted(set(settings) - set(known))
    if unknown:
        raise ValueError(f"{name} has no setting {', '.join(map(repr, unknown))}, expected some of {', '.join(known)}")
    return explainer(**settings)


def _imported(path: str) -> type[Explainer] | None:
    """The explainer's class at an import path; None if there is no dot in it."""
    module, _, name = path.rpartition(".")
    if not module:
        return None
    try:
        found = getattr(importlib.import_module(module), name, None)
    except ImportError as error:
        raise ValueError(
            f"no explainer is registered as {path!r}, and {module!r} cannot be imported ({error}): put its folder on "
            "the path, PYTHONPATH=FOLDER"
        ) from error
    if not (isinstance(found, type) and issubclass(found, Explainer)):
        raise ValueError(f"{path!r} must be the import path of a class that derives from Explainer, got {found!r}")
    return found
