"""Measurements of several methods, some of which may not support the model."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from torch import Tensor, nn

from camaug.explainers import Explainer, Explanation

__all__ = ["UnsupportedModelError", "explain", "measure_supported"]

Key = TypeVar("Key")
Method = TypeVar("Method")
Result = TypeVar("Result")


class UnsupportedModelError(ValueError):
    """A method does not support the model, or not with its settings."""


def explain(
    method: Explainer,
    model: nn.Module,
    images: Tensor,
    targets: Tensor | None,
    forward: Callable[[Tensor], Tensor] | None = None,
) -> Explanation:
    """Explain images.

    Raises:
        UnsupportedModelError: If the method raises a ValueError. Other errors pass through.
    """
    try:
        return method(model, images, targets, forward=forward)
    except ValueError as error:
        raise UnsupportedModelError(str(error)) from error


def measure_supported(
    methods: Iterable[tuple[Key, Method]],
    measure: Callable[[Key, Method], Result],
    describe: Callable[[Key], str] = str,
) -> tuple[dict[Key, Result], tuple[str, ...]]:
    """Measure every method that supports the model.

    Args:
        methods: Key and method, for each method.
        measure: Returns the result of a key and its method, or raises :class:`UnsupportedModelError`.
        describe: Returns the name of a key in the notes.

    Returns:
        The results by key, and a note for each method that was left out.

    Raises:
        ValueError: If no method supports the model.
    """
    results: dict[Key, Result] = {}
    reasons: dict[str, str] = {}
    for key, method in methods:
        try:
            results[key] = measure(key, method)
        except UnsupportedModelError as error:
            reasons[describe(key)] = str(error)
    if not results:
        listed = "".join(f"\n  {name}: {reason}" for name, reason in reasons.items())
        raise ValueError(f"no method supports this model:{listed}")
    notes = (f"left out: {name}, which does not support this model: {reason}" for name, reason in reasons.items())
    return results, tuple(notes)
