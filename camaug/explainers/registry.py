"""Registry of explainers: the names that configurations, callbacks and tests use."""

from __future__ import annotations

import importlib
import inspect
from typing import Any

from camaug.explainers.base import Explainer
from camaug.utils.check_types import given
from camaug.utils.did_you_mean import did_you_mean
from camaug.utils.registry import Registry

__all__ = ["as_explainer", "explainer_class", "get_explainer", "list_explainers", "register_explainer"]

_registry: Registry[Explainer] = Registry("explainer")
register_explainer = _registry.register


def list_explainers() -> list[str]:
    """Return the names of all registered explainers in alphabetical order.

    Example:
        >>> {"grad-cam", "group-cam", "score-cam"} <= set(list_explainers())
        True
    """
    return _registry.names()


def as_explainer(explainer: str | Explainer) -> Explainer:
    """Return the explainer, created with its defaults where a name is given.

    Raises:
        ValueError: If the name is unknown.
        TypeError: If it is neither an explainer nor a name.
    """
    if isinstance(explainer, str):
        return get_explainer(explainer)
    if not isinstance(explainer, Explainer):
        raise TypeError(
            f"expected an explainer such as GradCAM(), or its name such as 'grad-cam', got {given(explainer)}"
        )
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
        hint = did_you_mean(unknown[0], known)
        names = ", ".join(map(repr, unknown))
        raise ValueError(f"{name} has no setting {names}, {hint}expected some of {', '.join(known)}")
    return explainer(**settings)


def explainer_class(name: str) -> type[Explainer]:
    """Return the class of an explainer.

    Args:
        name: A name of :func:`list_explainers`, or the import path of a class.

    Raises:
        ValueError: If the name is unknown; the message names the nearest ones.
    """
    if not isinstance(name, str):
        raise TypeError(f"expected the name of an explainer, such as 'grad-cam', got {given(name)}")
    is_import_path = "." in name and name not in _registry.names()
    return _import_explainer(name) if is_import_path else _registry[name]


def _import_explainer(path: str) -> type[Explainer]:
    """Import an explainer's class by its import path."""
    module, _, name = path.rpartition(".")
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
