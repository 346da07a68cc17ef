"""Check of an explainer's layer names."""

from __future__ import annotations

import torch
from torch import nn

from camaug.explainers import Explainer
from camaug.inspection.resolve_layer import resolve_layer

__all__ = ["check_layers"]


def check_layers(explainer: Explainer, model: nn.Module) -> None:
    """Raise a ValueError unless the model has every layer that the explainer names."""
    layers = getattr(explainer, "layer", None)
    for layer in layers if isinstance(layers, tuple) else (layers,):
        if isinstance(layer, str):
            resolve_layer(model, layer, torch.empty(0))
