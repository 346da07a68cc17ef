"""Temporary replacement of parameters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

from torch import nn

__all__ = ["replaced_parameters"]


@contextmanager
def replaced_parameters(
    modules: Iterable[nn.Module], replacements: Mapping[nn.Parameter, nn.Parameter]
) -> Iterator[None]:
    """Exchange parameters of modules inside the block, and restore the identical parameters on exit.

    Nothing is written into the parameters. The modules register the replacements as their own parameters.

    Args:
        modules: The modules that hold the parameters; those inside them are not searched.
        replacements: The replacement of each parameter. A parameter that several modules share is replaced in each.

    Example:
        >>> layer = nn.Linear(4, 2)
        >>> weight = layer.weight
        >>> with replaced_parameters([layer], {weight: nn.Parameter(weight * 2)}):
        ...     layer.weight is weight
        False
        >>> layer.weight is weight
        True
    """
    originals = [
        (module, name, parameter)
        for module in modules
        for name, parameter in module._parameters.items()
        if parameter is not None and parameter in replacements
    ]
    try:
        for module, name, parameter in originals:
            module._parameters[name] = replacements[parameter]
        yield
    finally:
        for module, name, parameter in originals:
            module._parameters[name] = parameter
