"""The function from images to logits of a module, with the user's ``forward=`` argument."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import lightning as L
from torch import Tensor, nn

from .has_own_forward import has_own_forward

__all__ = ["ModuleForward", "bind_forward", "only_network"]

ModuleForward = Callable[[L.LightningModule, Tensor], Tensor]


def bind_forward(forward: ModuleForward | None, pl_module: L.LightningModule) -> Callable[[Tensor], Any] | None:
    """Return the function from images to logits, or None for the module's own forward.

    The classifier of a module without forward is its only submodule with parameters, if there is only one. Losses and
    metrics have none.

    Args:
        forward: The argument of a callback.
        pl_module: The module.
    """
    if forward is not None:
        return lambda images: forward(pl_module, images)
    # Submodules may be made later, in configure_model, so they are looked up in each call.
    return None if has_own_forward(pl_module) else functools.partial(_call_only_network, pl_module)


def only_network(pl_module: L.LightningModule, remedy: str) -> nn.Module:
    """Return the only submodule with parameters of a module without forward.

    Args:
        pl_module: The module.
        remedy: The end of the error message.

    Raises:
        ValueError: If there is not exactly one.
    """
    networks = {name: child for name, child in pl_module.named_children() if any(True for _ in child.parameters())}
    if len(networks) != 1:
        names = ", ".join(f"self.{name}" for name in networks) or "none"
        raise ValueError(
            f"{type(pl_module).__name__} has no forward and not exactly one submodule with parameters ({names}): "
            f"{remedy}"
        )
    return next(iter(networks.values()))


def _call_only_network(pl_module: L.LightningModule, images: Tensor) -> Any:
    return only_network(pl_module, "give forward=, a function of module and images that returns logits")(images)
