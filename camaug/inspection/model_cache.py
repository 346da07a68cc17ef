"""Cache of values computed for models."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from torch import nn

from camaug.inspection.forward_key import forward_key

__all__ = ["ModelCache"]

Value = TypeVar("Value")

MAX_ENTRIES = 16  # per model


class ModelCache(Generic[Value]):
    """Values that depend on a model's structure, the image size and the function from images to logits.

    Models are keyed by weak references, so the cache keeps none alive and never serves one model's value to another.
    All values of a model are dropped once one of its modules was added, removed, renamed or replaced, or switched its
    gradient checkpointing. Values must not refer to the model.

    Example:
        >>> cache, model = ModelCache(), nn.Sequential(nn.ReLU())
        >>> cache.get(model, (224, 224), model, lambda: "computed")
        'computed'
        >>> cache.get(model, (224, 224), model, lambda: "again")
        'computed'
        >>> _ = model.append(nn.ReLU())
        >>> cache.get(model, (224, 224), model, lambda: "again")
        'again'
    """

    def __init__(self) -> None:
        self._models: weakref.WeakKeyDictionary[nn.Module, _Entries[Value]] = weakref.WeakKeyDictionary()

    def __len__(self) -> int:
        """Return the number of models."""
        return len(self._models)

    def get(
        self,
        model: nn.Module,
        image_size: tuple[int, int],
        forward: Callable[..., Any],
        compute: Callable[[], Value],
    ) -> Value:
        """Return the value of a model, computing it if it is not in the cache.

        Args:
            model: The model.
            image_size: Height and width of the images.
            forward: The function from images to logits.
            compute: Computes the value.
        """
        structure = _structure(model)
        entries = self._models.get(model)
        if entries is None or entries.structure != structure:
            entries = self._models[model] = _Entries(structure)
        key = (image_size, forward_key(forward))
        if key not in entries.values:
            value = compute()
            while len(entries.values) >= MAX_ENTRIES:
                del entries.values[next(iter(entries.values))]
            entries.values[key] = value
        return entries.values[key]


@dataclass
class _Entries(Generic[Value]):
    """Values of one model with one structure."""

    structure: Hashable
    values: dict[Hashable, Value] = field(default_factory=dict)


def _structure(model: nn.Module) -> Hashable:
    """Return the names and identities of a model's modules, and whether each checkpoints its gradients.

    With gradient checkpointing timm calls the parts of a container one by one, and never the container.
    """
    return tuple(
        (name, weakref.ref(module), bool(getattr(module, "grad_checkpointing", False)))
        for name, module in model.named_modules()
    )
