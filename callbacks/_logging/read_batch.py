"""Images and labels of a batch that the Trainer has moved to its device."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from camaug.augmentation.batch import find_images_and_labels
from camaug.augmentation.batch_leaves import BatchLeaf, Selector, batch_leaves, children, select

__all__ = ["ReadBatch", "read_batch"]


class ReadBatch(NamedTuple):
    """Images and labels of a batch.

    Attributes:
        images: (N, C, H, W), floating-point.
        labels: Labels in any form that ``label_targets`` reads, or None.
        are_integers: True if the batch holds the images as integers, which the model itself normalises.
    """

    images: Tensor
    labels: Tensor | None
    are_integers: bool


def read_batch(batch: Any, images: Selector | None = None, labels: Selector | None = None) -> ReadBatch:
    """Find images and labels in a batch.

    In addition to :func:`camaug.augmentation.batch.find_images_and_labels`, images may be a list of tensors (C, H, W)
    of one size or integers (N, C, H, W), labels a list of numbers, and the batch an object of any class.

    Args:
        batch: The batch.
        images: Where the images are: a key, an index, a path such as ``"0.image"``, or a function of the batch.
        labels: Where the labels are, in the same forms.

    Raises:
        ValueError: If the images cannot be found, or two tensors could be the labels.

    Example:
        >>> found = read_batch(([torch.zeros(3, 8, 8), torch.zeros(3, 8, 8)], [1, 0]))
        >>> found.images.shape, found.labels
        (torch.Size([2, 3, 8, 8]), tensor([1, 0]))
    """
    nest = _nest(batch)
    chosen = None if images is None else _as_images(select(batch, images))
    if chosen is None:
        nest, chosen = _with_images(nest)
    labels_tensor = None if labels is None else _as_labels(select(batch, labels))
    found = find_images_and_labels(
        nest,
        images=None if chosen is None else (lambda _: chosen),
        labels=None if labels_tensor is None else (lambda _: labels_tensor),
    )
    are_integers = not found.images.is_floating_point()
    return ReadBatch(found.images.float() if are_integers else found.images, found.labels, are_integers)


def _nest(value: Any) -> Any:
    """Return the batch as nested dictionaries of tensors and lists, with lists of numbers as tensors."""
    if isinstance(value, Tensor):
        return value.as_subclass(Tensor) if type(value) is not Tensor else value
    if isinstance(value, list | tuple) and value and all(isinstance(item, int) for item in value):
        return torch.tensor(value)
    parts = list(children(value))
    if not parts and _has_tensors(value):
        parts = [(key, item) for key, item in vars(value).items() if not key.startswith("_")]
    return {key: _nest(item) for key, item in parts}


def _has_tensors(value: Any) -> bool:
    attributes = getattr(value, "__dict__", None)
    return not isinstance(value, type) and bool(attributes) and any(isinstance(x, Tensor) for x in vars(value).values())


def _with_images(nest: Any) -> tuple[Any, Tensor | None]:
    """Return the nest, and images that are stacked or of integers, None where it holds floating-point images."""
    leaves = batch_leaves(nest)
    if any(leaf.tensor.dim() == 4 and leaf.tensor.is_floating_point() for leaf in leaves):
        return nest, None
    integers = [leaf.tensor for leaf in leaves if leaf.tensor.dim() == 4 and leaf.tensor.dtype == torch.uint8]
    if integers:
        return nest, integers[0]
    _check_dimensions(leaves)
    return _with_stacked(nest)


def _with_stacked(nest: Any) -> tuple[Any, Tensor | None]:
    """Stack the first list of tensors (C, H, W). Lists of single numbers beside it are stacked, too."""
    if not isinstance(nest, dict):
        return nest, None
    images = None
    stacked = {}
    for key, part in nest.items():
        tensors = list(part.values()) if _is_list(part) else []
        if tensors and all(tensor.dim() == 3 for tensor in tensors) and images is None:
            stacked[key] = images = _stack(tensors)
        elif tensors and all(tensor.dim() == 0 for tensor in tensors):
            stacked[key] = torch.stack(tensors)
        else:
            stacked[key], inner = _with_stacked(part)
            images = inner if images is None else images
    return stacked, images


def _is_list(part: Any) -> bool:
    if not isinstance(part, dict) or not part:
        return False
    return all(key.isdigit() and isinstance(value, Tensor) for key, value in part.items())


def _stack(tensors: list[Tensor]) -> Tensor:
    sizes = sorted({tuple(tensor.shape) for tensor in tensors})
    if len(sizes) > 1:
        raise ValueError(
            f"the batch holds a list of images of different sizes, {sizes[0]} and {sizes[1]}: resize them to one size "
            "in the data set's transform, or give a function of the batch that does, images="
        )
    return torch.stack(tensors)


def _check_dimensions(leaves: list[BatchLeaf]) -> None:
    volumes = [leaf for leaf in leaves if leaf.tensor.dim() == 5]
    if volumes:
        raise ValueError(
            f"the batch holds volumes or clips, {volumes[0]}, and heatmaps are of images (N, C, H, W): give a function "
            "of the batch that returns one slice or frame of each, images=, and a forward= that makes the model take it"
        )


def _as_images(part: Any) -> Tensor:
    if isinstance(part, list | tuple) and part and all(isinstance(item, Tensor) for item in part):
        part = _stack(list(part))
    if not isinstance(part, Tensor) or part.dim() != 4:
        given = f"{part.dtype} {tuple(part.shape)}" if isinstance(part, Tensor) else type(part).__name__
        raise ValueError(f"images= gives {given}, expected a tensor (N, C, H, W)")
    return part


def _as_labels(part: Any) -> Tensor:
    if isinstance(part, list | tuple) and part and all(isinstance(item, Tensor | int | float) for item in part):
        part = torch.stack([torch.as_tensor(item) for item in part])
    if not isinstance(part, Tensor):
        raise ValueError(f"labels= gives a {type(part).__name__}, expected a tensor")
    return part
