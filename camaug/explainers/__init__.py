"""Explanation methods and the templates they derive from.

The classes of all registered methods can be imported from here, and none is listed: a file in ``methods`` is enough.
Type checkers see a method's class where it is imported from its own module.
"""

from typing import Any

from camaug.explainers.base import Evidence, Explainer, Explanation
from camaug.explainers.layer_explainer import LayerEvidence, LayerExplainer
from camaug.explainers.method_info import MethodInfo
from camaug.explainers.methods import import_methods
from camaug.explainers.pixel_explainer import PixelExplainer
from camaug.explainers.registry import (
    as_explainer,
    explainer_class,
    get_explainer,
    list_explainers,
    register_explainer,
)
from camaug.explainers.target import Target
from camaug.explainers.wrapper import WrappingExplainer

import_methods()

__all__ = [
    "Evidence",
    "Explainer",
    "Explanation",
    "LayerEvidence",
    "LayerExplainer",
    "MethodInfo",
    "PixelExplainer",
    "Target",
    "WrappingExplainer",
    "as_explainer",
    "explainer_class",
    "get_explainer",
    "list_explainers",
    "register_explainer",
]
__all__ += sorted(explainer_class(name).__name__ for name in list_explainers())


def __getattr__(name: str) -> Any:
    """Return the registered class of this name."""
    for explainer in map(explainer_class, list_explainers()):
        if explainer.__name__ == name:
            return explainer
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """Return the names of this module, the registered classes included."""
    return sorted({*globals(), *__all__})
