"""Groups of parameters with learning rates of their own."""

from __future__ import annotations

from typing import Any

from torch import nn

from camaug.training.head_modules import head_modules

__all__ = ["parameter_groups"]


def parameter_groups(model: nn.Module, lr: float, head_lr: float) -> list[dict[str, Any]]:
    """Return the optimiser's groups of trained parameters, ``backbone`` and ``head``, leaving out empty ones."""
    heads = [model.get_submodule(name) for name in head_modules(model)]
    head = {id(parameter) for module in heads for parameter in module.parameters()}
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    groups = [
        {"params": [p for p in trained if id(p) not in head], "lr": lr, "name": "backbone"},
        {"params": [p for p in trained if id(p) in head], "lr": head_lr, "name": "head"},
    ]
    return [group for group in groups if group["params"]]
