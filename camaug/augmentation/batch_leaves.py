"""Tensors of a batch, with where they stand in it."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from types import SimpleNamespace
from typing import Any, NamedTuple

from torch import Tensor
from torch.nn import Module

__all__ = ["BatchLeaf", "Selector", "batch_leaves", "change_parts", "select"]

Selector = str | int | Callable[[Any], Any]
"""How a user names a part of a batch: a key, an index, a path such as ``"1.class_id"``, or a function of the batch."""


class BatchLeaf(NamedTuple):
    """A tensor of a batch.

    Attributes:
        path: Keys and indices that lead to the tensor.
        tensor: The tensor itself.
    """

    path: tuple[str, ...]
    tensor: Tensor

    @property
    def name(self) -> str:
        """The innermost key in lower case, empty where there are only indices."""
        return next((part.lower() for part in reversed(self.path) if not part.isdigit()), "")

    def __str__(self) -> str:
        """Describe the leaf: where it stands, its type and its shape."""
        where = f'"{".".join(self.path)}"' if self.path else "the batch itself"
        return f"{where} {str(self.tensor.dtype).removeprefix('torch.')} {tuple(self.tensor.shape)}"


def batch_leaves(batch: Any) -> list[BatchLeaf]:
    """List the tensors of a batch in their order.

    Args:
        batch: A tensor, or any nest of lists, tuples, named tuples, mappings, data classes, ``SimpleNamespace`` and
            objects of own classes with a ``to`` method or with tensors as attributes.

    Example:
        >>> import torch
        >>> [str(leaf) for leaf in batch_leaves((torch.zeros(2, 3, 8, 8), {"class_id": torch.tensor([0, 1])}))]
        ['"0" float32 (2, 3, 8, 8)', '"1.class_id" int64 (2,)']
    """
    return list(_leaves(batch, ()))


def select(batch: Any, selector: Selector) -> Any:
    """Return the part of a batch that a selector names.

    Args:
        batch: The batch.
        selector: A key or attribute, an index, a path of them joined by dots, or a function of the batch.

    Raises:
        ValueError: If there is no such part. The message names the tensors that there are.

    Example:
        >>> select(("image", {"class_id": 5}), "1.class_id")
        5
    """
    if callable(selector):
        return selector(batch)
    if isinstance(batch, Mapping) and selector in batch:
        return batch[selector]
    part = batch
    for key in str(selector).split("."):
        try:
            part = _child(part, key)
        except (KeyError, IndexError, AttributeError, ValueError, TypeError):
            there = ", ".join(map(str, batch_leaves(batch))) or "no tensor"
            raise ValueError(f"the batch, a {type(batch).__name__}, has no part {selector!r}; it has {there}") from None
    return part


def change_parts(batch: Any, change: Callable[[Any, tuple[str, ...]], Any], path: tuple[str, ...] = ()) -> Any:
    """Return a copy of a batch with changed parts. The batch itself stays as it is.

    Args:
        batch: The batch.
        change: A function from a part and its path to its replacement. If it returns the part itself, the parts inside
            are changed.
        path: The path of the batch.

    Example:
        >>> change_parts((1, {"label": 5}), lambda part, path: 10 * part if path == ("1", "label") else part)
        (1, {'label': 50})
    """
    changed = change(batch, path)
    if changed is not batch or isinstance(batch, Tensor):
        return changed
    before = list(children(batch))
    after = [change_parts(part, change, (*path, key)) for key, part in before]
    is_same = all(new is old for new, (_, old) in zip(after, before, strict=True))
    return batch if is_same else _rebuilt(batch, after)


def children(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield the parts of a container with their keys, and nothing for anything else."""
    if isinstance(value, Mapping):
        yield from ((str(key), item) for key, item in value.items())
    elif isinstance(value, tuple) and hasattr(value, "_fields"):
        yield from zip(value._fields, value, strict=True)
    elif isinstance(value, list | tuple):
        yield from ((str(index), item) for index, item in enumerate(value))
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        yield from ((field.name, getattr(value, field.name)) for field in dataclasses.fields(value))
    elif isinstance(value, SimpleNamespace) or _is_own_batch(value):
        yield from ((key, item) for key, item in vars(value).items() if not key.startswith("_"))


def _is_own_batch(value: Any) -> bool:
    """Return True for an object of any class that can be moved to a device or has tensors as attributes."""
    if isinstance(value, type | Module) or not hasattr(value, "__dict__"):
        return False
    return callable(getattr(value, "to", None)) or any(isinstance(item, Tensor) for item in vars(value).values())


def _leaves(value: Any, path: tuple[str, ...]) -> Iterator[BatchLeaf]:
    if isinstance(value, Tensor):
        yield BatchLeaf(path, value)
        return
    for key, item in children(value):
        yield from _leaves(item, (*path, key))


def _child(value: Any, key: str) -> Any:
    if isinstance(value, Mapping):
        return value[key] if key in value else value[int(key)]
    if isinstance(value, list | tuple) and not hasattr(value, key):
        return value[int(key)]
    return getattr(value, key)


def _rebuilt(value: Any, parts: list[Any]) -> Any:
    """Return a copy of a container with other parts, in the order of :func:`children`."""
    if isinstance(value, MutableMapping):
        copied = copy.copy(value)
        for key, part in zip(list(value), parts, strict=True):
            copied[key] = part  # the outputs of Hugging Face models have no update()
        return copied
    if isinstance(value, Mapping):
        return type(value)(dict(zip(value, parts, strict=True)))  # type: ignore[call-arg]
    if isinstance(value, list | tuple):
        return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
    copied = copy.copy(value)
    for (key, _), part in zip(children(value), parts, strict=True):
        object.__setattr__(copied, key, part)  # also of a frozen data class
    return copied
