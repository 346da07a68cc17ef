"""Images and labels inside whatever container a batch is."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from lightning_utilities.core.apply_func import apply_to_collection
from torch import Tensor

__all__ = ["ImagesAndLabels", "class_indices", "find_images_and_labels", "find_strings", "replace_tensors"]

IMAGE_NAMES = ("image", "images", "img", "imgs", "pixel_values", "x", "input", "inputs")
LABEL_NAMES = ("label", "labels", "target", "targets", "y", "class", "classes")


class ImagesAndLabels(NamedTuple):
    """The parts of a batch that this package reads.

    Attributes:
        images: (N, C, H, W).
        labels: Class indices (N,) or probabilities (N, classes); None where the batch has none.
    """

    images: Tensor
    labels: Tensor | None


def find_images_and_labels(batch: Any) -> ImagesAndLabels:
    """Find images and labels in a batch.

    A tensor counts as images if it is floating-point (N, C, H, W); as labels if it is integer (N,) or any
    (N, classes). Where the batch has names (a dict, a named tuple, a data class), those that are usual for images and
    labels come first; otherwise the first that fits is taken.

    Args:
        batch: A tensor, or any nest of lists, tuples, named tuples, dicts and data classes.

    Returns:
        The very tensors that stand in the batch.

    Raises:
        ValueError: If there are no images.
    """
    tensors = list(_tensors(batch, ""))
    images = _first(tensors, IMAGE_NAMES, lambda t: t.dim() == 4 and t.is_floating_point())
    if images is None:
        found = ", ".join(f"{name or 'a tensor'} {t.dtype} {tuple(t.shape)}" for name, t in tensors) or "no tensor"
        raise ValueError(
            f"expected images, floating-point (N, C, H, W), in the batch, a {type(batch).__name__} with {found}; "
            "images of integers are to be scaled to floats in the data set's transform"
        )
    labels = _first(tensors, LABEL_NAMES, lambda t: t is not images and _is_labels(t, len(images)))
    return ImagesAndLabels(images, labels)


def find_strings(batch: Any, name: str, count: int) -> list[str] | None:
    """The strings of a name in a batch, one an image.

    Args:
        batch: A dict, named tuple or data class.
        name: Their name in the plural; a batch of dicts collated by torch has them under the singular.
        count: How many there are.

    Returns:
        The strings, or None where the batch has no such.

    Example:
        >>> find_strings({"image": torch.rand(2, 3, 8, 8), "path": ["a.jpg", "b.jpg"]}, "paths", 2)
        ['a.jpg', 'b.jpg']
    """
    for key in (name, name.removesuffix("s")):
        found = batch.get(key) if isinstance(batch, Mapping) else getattr(batch, key, None)
        if isinstance(found, list | tuple) and len(found) == count and all(isinstance(s, str) for s in found):
            return list(found)
    return None


def replace_tensors(batch: Any, replacements: Sequence[tuple[Tensor, Tensor]]) -> Any:
    """A batch like the given one with other tensors in it; the given one is left as it is.

    Args:
        batch: The batch.
        replacements: Tensors in it, found by identity, each with what stands in its place.

    Returns:
        A new container of the same type.
    """
    by_identity = {id(old): new for old, new in replacements}
    return apply_to_collection(batch, Tensor, lambda tensor: by_identity.get(id(tensor), tensor))


def class_indices(labels: Tensor) -> Tensor:
    """Class indices (N,) of labels that are indices already or probabilities (N, classes): the heaviest class."""
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
