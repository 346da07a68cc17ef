"""Logits, out of whatever a model's forward returns."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

__all__ = [
    "REMEDY",
    "LogitsForward",
    "describe_structure",
    "find_logits",
    "has_one_logit",
    "head_widths",
    "read_logits",
]

LOGIT_NAMES = [
    *("logits", "logit", "class_logits", "out", "output", "outputs", "scores", "y_hat", "y_pred"),
    *("pred", "preds", "prediction", "predictions"),
]
REMEDY = (
    "pass forward=, a function that returns logits (N, classes): forward(images) of an explainer, a metric or "
    "explain(), forward(module, images) of a callback"
)


def read_logits(output: Any, count: int | None = None) -> Tensor:
    """Return the logits that a classifier's output holds.

    A tensor is taken as it is. In a tuple, list, mapping, data class or Hugging Face ``ModelOutput``, a tensor
    (N, classes) under a usual name comes first (``logits``, ``out``, ``pred``, ...), then the only one, or the first of
    several of one shape (a main head and auxiliary heads). One logit per image, (N,) or (N, 1), is a binary classifier:
    its logit z becomes (-z/2, z/2), whose softmax is (1 - sigmoid(z), sigmoid(z)), so that class 1 is "yes" and class 0
    is "no" with the negated gradient. In a container, (N,) must have a usual name.

    Args:
        output: What the forward returned.
        count: Number of images N; None accepts any number of rows.

    Returns:
        Logits (N, classes) with at least two classes, floating-point, part of the same graph.

    Raises:
        TypeError: If there is no tensor.
        ValueError: If no tensor, or more than one, could be the logits.

    Example:
        >>> read_logits({"loss": torch.tensor(0.5), "logits": torch.zeros(2, 3)}, 2).shape
        torch.Size([2, 3])
        >>> read_logits(torch.tensor([[2.0]]), 1)
        tensor([[-1.,  1.]])
    """
    return _as_classes(find_logits(output, count))


def find_logits(output: Any, count: int | None = None) -> Tensor:
    """Return the tensor of a classifier's output that :func:`read_logits` reads, as it is.

    Args:
        output: What the forward returned.
        count: Number of images N; None accepts any number of rows.

    Returns:
        Logits (N, classes), (N, 1) or (N,).

    Raises:
        TypeError: If there is no tensor.
        ValueError: If no tensor, or more than one, could be the logits.
    """
    if isinstance(output, Tensor):
        return _checked(output, count)
    tensors = list(_tensors(output))
    structure = describe_structure(output)
    if not tensors:
        raise TypeError(f"the model's forward returns {structure}, expected logits (N, classes): {REMEDY}")
    candidates = _candidates(tensors, count)
    if not candidates or len({tensor.shape for tensor in candidates}) > 1:
        problem = "several tensors that could be the logits" if candidates else "no tensor that could be the logits"
        raise ValueError(
            f"the model's forward returns {problem}, (N, classes){_with_count(count)}: {structure}: {REMEDY}"
        )
    return candidates[0]


class LogitsForward:
    """Function from images to logits, made of one from images to whatever a model returns.

    An object rather than a closure, so that copying and pickling takes the model along. Its result is that of
    :func:`read_logits` for any number of rows, since a layer may copy images.

    Args:
        forward: A model or a function of images (N, C, H, W).
    """

    def __init__(self, forward: Callable[[Tensor], Any]) -> None:
        self.__wrapped__ = forward  # see forward_key

    def __call__(self, images: Tensor) -> Tensor:
        """Return the logits of images (N, C, H, W)."""
        return read_logits(self.__wrapped__(images))


def head_widths(logits: Tensor) -> set[int]:
    """Return the possible numbers of values per image that the model's last layer outputs.

    Args:
        logits: Logits (N, classes) from :func:`read_logits`.

    Returns:
        The number of classes, and 1 too if the logits may be made of one.

    Example:
        >>> head_widths(torch.zeros(1, 5)), head_widths(read_logits(torch.tensor([3.0])))
        ({5}, {1, 2})
    """
    return {1, 2} if _are_opposite(logits) else {logits.shape[1]}


def has_one_logit(logits: Tensor) -> bool:
    """Return True if the logits of :func:`read_logits` are made of one logit for each image.

    Logits that are all zero, as those of a head of zeros, do not show it.

    Example:
        >>> has_one_logit(read_logits(torch.tensor([3.0]))), has_one_logit(torch.zeros(1, 2))
        (True, False)
    """
    return _are_opposite(logits) and bool(logits.any())


def _are_opposite(logits: Tensor) -> bool:
    return logits.shape[1] == 2 and torch.equal(logits[:, 0], -logits[:, 1])


def describe_structure(value: Any, depth: int = 3) -> str:
    """Return a one-line description of nested containers and the tensors in them.

    Example:
        >>> describe_structure({"image": torch.zeros(2, 3, 8, 8), "ids": [1, 2]})
        "dict('image': float32 (2, 3, 8, 8), 'ids': list(int, int))"
    """
    if isinstance(value, Tensor):
        return f"{str(value.dtype).removeprefix('torch.')} {tuple(value.shape)}"
    name = type(value).__name__
    items = list(_items(value))
    if not items or depth == 0:
        return name
    shown = [f"{label}{describe_structure(item, depth - 1)}" for label, item in items[:8]]
    return f"{name}({', '.join(shown)}{', ...' if len(items) > 8 else ''})"


def _items(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        yield from ((f"{key!r}: ", item) for key, item in value.items())
    elif hasattr(value, "_fields"):
        yield from ((f"{key}=", item) for key, item in zip(value._fields, value, strict=True))
    elif isinstance(value, list | tuple):
        yield from (("", item) for item in value)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        yield from ((f"{field.name}=", getattr(value, field.name)) for field in dataclasses.fields(value))
    elif hasattr(value, "__dict__") and not callable(value):
        yield from ((f"{key}=", item) for key, item in vars(value).items() if not key.startswith("_"))


def _tensors(value: Any, name: str = "") -> Iterator[tuple[str, Tensor]]:
    if isinstance(value, Tensor):
        yield name, value
        return
    for label, item in _items(value):
        yield from _tensors(item, label.strip(":= '").lower() or name)


def _candidates(tensors: list[tuple[str, Tensor]], count: int | None) -> list[Tensor]:
    """Return the best-named tensor that could be the logits, or all that could be where none has a usual name."""
    named = [tensor for known in LOGIT_NAMES for name, tensor in tensors if name == known]
    classes = [tensor for tensor in named if _fits(tensor, count)]
    one_logit = [tensor for tensor in named if _is_one_logit(tensor, count)]
    return classes[:1] or one_logit[:1] or [tensor for _, tensor in tensors if _fits(tensor, count)]


def _fits(tensor: Tensor, count: int | None) -> bool:
    return tensor.is_floating_point() and tensor.dim() == 2 and count in (None, len(tensor))


def _is_one_logit(tensor: Tensor, count: int | None) -> bool:
    return tensor.is_floating_point() and tensor.dim() == 1 and count in (None, len(tensor))


def _checked(tensor: Tensor, count: int | None) -> Tensor:
    if not _is_one_logit(tensor, count) and not _fits(tensor, count):
        raise ValueError(
            f"the model's forward returns a tensor of shape {tuple(tensor.shape)}, expected logits "
            f"(N, classes){_with_count(count)}: {REMEDY}"
        )
    return tensor


def _as_classes(logits: Tensor) -> Tensor:
    if logits.dim() == 1:
        logits = logits[:, None]
    return torch.cat([-logits / 2, logits / 2], dim=1) if logits.shape[1] == 1 else logits


def _with_count(count: int | None) -> str:
    return "" if count is None else f" with N = {count}"
