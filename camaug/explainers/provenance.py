"""Provenance of an explanation as JSON: the explainer's settings, the model and the package versions."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from torch import Tensor, nn

from camaug.explainers.base import Explainer
from camaug.version import __version__

__all__ = ["describe", "describe_explainer", "describe_model", "settings_line", "versions"]


def describe_explainer(explainer: Explainer, model: nn.Module | None = None) -> dict[str, Any]:
    """Return an explainer as ``{"name", "class", "settings"}``.

    Args:
        explainer: The explainer.
        model: The model, so that a layer given as a module is named.

    Returns:
        A dictionary that can be written as JSON.

    Example:
        >>> from camaug import GradCAM
        >>> describe_explainer(GradCAM(layer="layer3"))["settings"]["layer"]
        'layer3'
    """
    settings = {name: describe(value, model) for name, value in vars(explainer).items() if not name.startswith("_")}
    return {"name": explainer.name, "class": type(explainer).__name__, "settings": settings}


def settings_line(explainer: Explainer, model: nn.Module | None = None) -> str:
    """Return an explainer's name and settings on one line, without settings that are None.

    Example:
        >>> from camaug import GradCAM
        >>> settings_line(GradCAM(layer="layer3"))
        'grad-cam layer=layer3 fuse=mean relu=True'
    """
    return _on_one_line(describe_explainer(explainer, model))


def _on_one_line(described: Any) -> str:
    if not (isinstance(described, Mapping) and "settings" in described):
        return str(described)
    settings = {name: value for name, value in described["settings"].items() if value is not None}
    return " ".join([described["name"], *(f"{name}={_on_one_line(value)}" for name, value in settings.items())])


def describe_model(model: nn.Module) -> dict[str, Any]:
    """Return a model as ``{"class", "name", "parameters"}``, with None as the name if the model stores none."""
    hyperparameters = getattr(model, "hparams", None)
    name = hyperparameters.get("name") if isinstance(hyperparameters, Mapping) else None
    architectures = (getattr(module, "pretrained_cfg", None) for module in model.modules())
    known = (config.get("architecture") for config in architectures if isinstance(config, Mapping))
    return {
        "class": type(model).__name__,
        "name": name or next(known, None),
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
    }


def versions() -> dict[str, str | None]:
    """Return the versions of camaug and of the packages that its results depend on, None where not installed."""
    return {"camaug": __version__, **{name: _version(name) for name in ("torch", "torchvision", "timm", "captum")}}


def describe(value: Any, model: nn.Module | None = None) -> Any:
    """Return any setting as a JSON value, the same for equal settings in every process."""
    if isinstance(value, Explainer):
        return describe_explainer(value, model)
    if isinstance(value, nn.Module):
        names = [] if model is None else [name for name, module in model.named_modules() if module is value]
        return names[0] if names else type(value).__name__
    if isinstance(value, Tensor):
        return describe(value.detach().cpu().tolist())
    if isinstance(value, Mapping):
        return {str(key): describe(item, model) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        items = sorted(value, key=repr) if isinstance(value, set | frozenset) else value
        return [describe(item, model) for item in items]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if callable(value):
        return f"{getattr(value, '__module__', '')}.{getattr(value, '__qualname__', type(value).__qualname__)}"
    try:
        json.dumps(value)
    except TypeError:
        return str(value)
    return value


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
