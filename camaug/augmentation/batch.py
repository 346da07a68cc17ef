"""Images and labels in batches of any structure."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from lightning_utilities.core.apply_func import apply_to_collection
from torch import Tensor

__all__ = [
    "ImagesAndLabels",
    "class_indices",
    "find_images_and_labels",
    "find_labelled_images",
    "find_strings",
    "replace_tensors",
]

IMAGE_NAMES = ("image", "images", "img", "imgs", "pixel_values", "x", "input", "inputs")
LABEL_NAMES = ("label", "labels", "target", "targets", "y", "class", "classes")


class ImagesAndLabels(NamedTuple):
    """Images and labels of a batch.

    Attributes:
        images: (N, C, H, W).
        labels: Class indices (N,) or probabilities (N, classes); None where the batch has none.
    """

    images: Tensor
    labels: Tensor | None


def find_images_and_labels(batch: Any) -> ImagesAndLabels:
    """Find images and labels in a batch.

    A floating-point tensor (N, C, H, W) counts as images, an integer tensor (N,) or any tensor (N, classes) as labels.
    In a batch with names (a dict, a named tuple, a data class) the usual names of images and labels come first.
    Otherwise the first tensor that fits is taken.

    Args:
        batch: A tensor, or any nest of lists, tuples, named tuples, dicts and data classes.

    Returns:
        The tensors of the batch themselves, not copies.

    Raises:
        ValueError: If there are no images.
    """
    tensors = list(_tensors(batch, ""))
    images = _first(tensors, IMAGE_NAMES, lambda t: t.dim() == 4 and t.is_floating_point())
    if images is None:
        contents = ", ".join(f"{name or 'a tensor'} {t.dtype} {tuple(t.shape)}" for name, t in tensors) or "no tensor"
        raise ValueError(
            f"expected images, floating-point (N, C, H, W), in the batch, a {type(batch).__name__} with {contents}; "
            "scale integer images to floats in the data set's transform"
        )
    labels = _first(tensors, LABEL_NAMES, lambda t: t is not images and _is_labels(t, len(images)))
    return ImagesAndLabels(images, labels)


def find_labelled_images(batch: Any) -> tuple[Tensor, Tensor]:
    """Find images and labels in a batch that must have both.

    Raises:
        ValueError: If there are no images or no labels.
    """
    images, labels = find_images_and_labels(batch)
    if labels is None:
        raise ValueError(
            f"expected labels beside the {len(images)} images: class indices ({len(images)},) or probabilities "
            f"({len(images)}, classes)"
        )
    return images, labels


def find_strings(batch: Any, name: str, count: int) -> list[str] | None:
    """Find the strings that a batch holds under a name, one for each image.

    Args:
        batch: A dict, named tuple or data class.
        name: The name in the plural. The singular is tried too, because torch collates dicts of single items.
        count: Number of images.

    Returns:
        The strings, or None if the batch has none of this name and number.

    Example:
        >>> find_strings({"image": torch.rand(2, 3, 8, 8), "path": ["a.jpg", "b.jpg"]}, "paths", 2)
        ['a.jpg', 'b.jpg']
    """
    for key in (name, name.removesuffix("s")):
        values = batch.get(key) if isinstance(batch, Mapping) else getattr(batch, key, None)
        if isinstance(values, list | tuple) and len(values) == count and all(isinstance(s, str) for s in values):
            return list(values)
    return None


def replace_tensors(batch: Any, replacements: Sequence[tuple[Tensor, Tensor]]) -> Any:
    """Return a copy of a batch with some tensors replaced. The batch given stays as it is.

    Args:
        batch: The batch.
        replacements: Pairs of a tensor in the batch, found by identity, and its replacement.

    Returns:
        A new container of the same type.
    """
    by_identity = {id(old): new for old, new in replacements}
    return apply_to_collection(batch, Tensor, lambda tensor: by_identity.get(id(tensor), tensor))


def class_indices(labels: Tensor) -> Tensor:
    """Return labels as class indices (N,): the most probable class if they are probabilities (N, classes)."""
    return labels.argmax(dim=1) if labels.dim() == 2 else labels


def _tensors(value: Any, name: str) -> Iterator[tuple[str, Tensor]]:
    if isinstance(value, Tensor):
        yield name, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _tensors(item, str(key).lower())
    elif isinstance(value, tuple) and hasattr(value, "_fields"):
        for key, item in zip(value._fields, value, strict=True):
            yield from _tensors(item, key.lower())
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _tensors(item, name)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            yield from _tensors(getattr(value, field.name), field.name.lower())


def _first(tensors: list[tuple[str, Tensor]], names: tuple[str, ...], fits: Callable[[Tensor], bool]) -> Tensor | None:
    fitting = [(name, tensor) for name, tensor in tensors if fits(tensor)]
    named = [tensor for name, tensor in fitting if name in names]
    return next(iter(named + [tensor for _, tensor in fitting]), None)


def _is_labels(tensor: Tensor, count: int) -> bool:
    if tensor.dim() == 1:
        return len(tensor) == count and not tensor.is_floating_point() and tensor.dtype != torch.bool
    return tensor.dim() == 2 and len(tensor) == count
