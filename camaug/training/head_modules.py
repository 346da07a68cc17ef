"""The classification head of a model: the layers that output one value a class."""

from __future__ import annotations

from torch import nn

__all__ = ["head_modules"]


def head_modules(model: nn.Module) -> list[str]:
    """Return the names of the layers that output one value a class, timm's own or the last linear or convolution."""
    names = {module: name for name, module in model.named_modules()}
    get_classifier = getattr(model, "get_classifier", None)
    if callable(get_classifier):
        heads = get_classifier()
        heads = [head for head in (heads if isinstance(heads, tuple | list) else [heads]) if head in names]
        if heads:
            return [names[head] for head in heads]
    layers = [module for module in names if isinstance(module, nn.Linear | nn.Conv2d)]
    return [names[layers[-1]]]
