"""Registry of explainers: the names that configurations, callbacks and tests use."""

from __future__ import annotations

import difflib
import importlib
import inspect
from collections.abc import Callable
from typing import Any, TypeVar

from camaug.explainers.base import Explainer

__all__ = ["as_explainer", "explainer_class", "get_explainer", "list_explainers", "register_explainer"]

_registry: dict[str, type[Explainer]] = {}
T = TypeVar("T", bound=type[Explainer])


def register_explainer(name: str) -> Callable[[T], T]:
    """Return a class decorator that registers an explainer under a name.

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
    """Return the names of all registered explainers in alphabetical order.

    Example:
        >>> {"grad-cam", "group-cam", "score-cam"} <= set(list_explainers())
        True
    """
    return sorted(_registry)


def as_explainer(explainer: str | Explainer) -> Explainer:
    """Return the explainer, created with its defaults where a name is given.

    Raises:
        ValueError: If the name is unknown.
        TypeError: If it is neither an explainer nor a name.
    """
    if isinstance(explainer, str):
        return get_explainer(explainer)
    if not isinstance(explainer, Explainer):
        given = f"the class {explainer.__name__}" if isinstance(explainer, type) else type(explainer).__name__
        raise TypeError(f"expected an explainer such as GradCAM(), or its name such as 'grad-cam', got {given}")
    return explainer


def get_explainer(name: str, **settings: Any) -> Explainer:
    """Create an explainer by its name.

    Args:
        name: A name of :func:`list_explainers`, or the import path of a class of your own, ``"my_module.MyCAM"``.
        **settings: Arguments of the explainer's class.

    Returns:
        The explainer.

    Raises:
        ValueError: If the name or a setting is unknown; the message names the nearest ones.

    Example:
        >>> get_explainer("group-cam", groups=16)
        GroupCAM(layer=None, fuse='mean', groups=16, theta=70.0, weighted=True, subtract_baseline=True,
                 normalise_after=False, grouping='order', blur_kernel_size=51, blur_sigma=50.0, chunk_size=None,
                 query_scale=1.0)
    """
    explainer = explainer_class(name)
    known = list(inspect.signature(explainer).parameters)
    unknown = sorted(set(settings) - set(known))
    if unknown:
        raise ValueError(f"{name} has no setting {', '.join(map(repr, unknown))}, expected some of {', '.join(known)}")
    return explainer(**settings)


def explainer_class(name: str) -> type[Explainer]:
    """Return the class of an explainer.

    Args:
        name: A name of :func:`list_explainers`, or the import path of a class.

    Raises:
        ValueError: If the name is unknown; the message names the nearest ones.
    """
    explainer = _registry.get(name) or _import_explainer(name)
    if explainer is None:
        nearest = difflib.get_close_matches(name, _registry, n=3, cutoff=0.4)
        hint = f"did you mean {' or '.join(map(repr, nearest))}? " if nearest else ""
        raise ValueError(f"unknown explainer {name!r}, {hint}expected one of {', '.join(list_explainers())}")
    return explainer


def _import_explainer(path: str) -> type[Explainer] | None:
    """Import an explainer's class by its import path, or return None if the path has no dot."""
    module, _, name = path.rpartition(".")
    if not module:
        return None
    try:
        explainer = getattr(importlib.import_module(module), name, None)
    except ImportError as error:
        raise ValueError(
            f"no explainer is registered as {path!r}, and {module!r} cannot be imported ({error}): put its folder on "
            "the path, PYTHONPATH=FOLDER"
        ) from error
    if not (isinstance(explainer, type) and issubclass(explainer, Explainer)):
        raise ValueError(f"{path!r} must be the import path of a class that derives from Explainer, got {explainer!r}")
    return explainer
