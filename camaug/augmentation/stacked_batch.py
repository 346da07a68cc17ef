"""Batches of lists as batches of tensors."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from camaug.augmentation.batch_leaves import batch_leaves, change_parts, children

__all__ = ["Column", "StackedBatch", "stack_batch"]


class StackedBatch(NamedTuple):
    """A batch whose images, and labels if they are in a list too, are tensors.

    Attributes:
        batch: The batch.
        unstack: Function that gives such a batch, with any number of images, the structure of the original.
    """

    batch: Any
    unstack: Callable[[Any], Any]


class Column(list[Any]):
    """Values of one entry of all items in a batch, in the order of the items."""


def stack_batch(batch: Any) -> StackedBatch:
    """Stack lists of images (C, H, W) of one size and lists of single labels.

    A list of items, dicts or tuples that were not collated, becomes a dict of columns. A batch that holds images
    (N, C, H, W) keeps its lists of tensors, and one that holds a tensor with a row for each image its lists of numbers.

    Args:
        batch: The batch, which stays as it is.

    Raises:
        ValueError: If the images in a list are of different sizes.

    Example:
        >>> stacked = stack_batch([{"image": torch.zeros(3, 8, 8), "label": label} for label in (1, 0)])
        >>> stacked.batch["image"].shape, stacked.batch["label"]
        (torch.Size([2, 3, 8, 8]), tensor([1, 0]))
        >>> len(stacked.unstack(stacked.batch))
        2
    """
    if _is_list_of_items(batch):
        columns, rows = _as_columns(batch)
        inner = stack_batch(columns)
        return StackedBatch(inner.batch, lambda longer: rows(inner.unstack(longer)))
    images = _stacked(batch, _image_list) if not _has(batch, lambda tensor: tensor.dim() == 4) else _unchanged(batch)
    count = next((len(leaf.tensor) for leaf in batch_leaves(images.batch) if leaf.tensor.dim() == 4), 0)
    if count == 0 or _has_rows(images.batch, count):
        return images
    inside = [path for path, part in _parts(images.batch) if _is_list_of_records(part)]
    labels = _stacked(images.batch, lambda part: _label_list(part, count), inside)
    return StackedBatch(labels.batch, lambda longer: images.unstack(labels.unstack(longer)))


def _unchanged(batch: Any) -> StackedBatch:
    return StackedBatch(batch, lambda longer: longer)


def _parts(batch: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for key, part in children(batch):
        yield (*path, key), part
        yield from _parts(part, (*path, key))


def _is_list_of_records(part: Any) -> bool:
    """Return True for a list of one named tuple for each image, such as its boxes, whose numbers are no labels."""
    return isinstance(part, list) and bool(part) and all(hasattr(item, "_fields") for item in part)


def _stacked(
    batch: Any, stack: Callable[[Any], Tensor | None], left_out: Sequence[tuple[str, ...]] = ()
) -> StackedBatch:
    """Replace the parts that a function stacks, but for those inside of the parts left out."""
    originals: dict[tuple[str, ...], Any] = {}

    def stacked(part: Any, path: tuple[str, ...]) -> Any:
        is_left_out = any(path[: len(outer)] == outer for outer in left_out)
        tensor = None if is_left_out else stack(part)
        if tensor is None:
            return part
        originals[path] = part
        return tensor

    def unstacked(part: Any, path: tuple[str, ...]) -> Any:
        return _as_list(part, originals[path]) if path in originals else part

    return StackedBatch(change_parts(batch, stacked), lambda longer: change_parts(longer, unstacked))


def _as_list(tensor: Tensor, original: Any) -> Any:
    """Return the rows of a tensor in a list like the original."""
    are_numbers = not isinstance(original[0], Tensor) and tensor.dim() == 1
    return type(original)(tensor.tolist() if are_numbers else tensor.unbind())


def _image_list(part: Any) -> Tensor | None:
    if not _is_list(part) or not all(isinstance(item, Tensor) and item.dim() == 3 for item in part):
        return None
    sizes = sorted({tuple(item.shape) for item in part})
    if len(sizes) > 1:
        raise ValueError(
            f"the batch holds a list of images of different sizes, {sizes[0]} and {sizes[1]}: resize them to one size "
            "in the data set's transform, or give a function of the batch that does, images="
        )
    return torch.stack([item.as_subclass(Tensor) for item in part])


def _label_list(part: Any, count: int) -> Tensor | None:
    if not _is_list(part) or len(part) != count:
        return None
    if all(isinstance(item, Tensor) and item.dim() == 0 for item in part):
        return torch.stack(list(part))
    return torch.tensor(part) if all(isinstance(item, int | float) for item in part) else None


def _is_list(part: Any) -> bool:
    return isinstance(part, list | tuple) and not hasattr(part, "_fields") and len(part) > 0


def _has(batch: Any, holds: Callable[[Tensor], bool]) -> bool:
    return any(holds(leaf.tensor) for leaf in batch_leaves(batch))


def _has_rows(part: Any, count: int) -> bool:
    """Return True if a batch has a tensor with a row for each image, apart from those of single items."""
    if isinstance(part, Tensor):
        return part.dim() in (1, 2) and len(part) == count
    return not isinstance(part, Column) and any(_has_rows(item, count) for _, item in children(part))


def _is_list_of_items(batch: Any) -> bool:
    """Return True for a list of dicts or of tuples that have an image (C, H, W) in the same entry."""
    if not isinstance(batch, list) or not batch:
        return False
    if not all(isinstance(item, Mapping | tuple) and _keys(item) == _keys(batch[0]) for item in batch):
        return False
    return any(all(_is_image(item[key]) for item in batch) for key in _keys(batch[0]))


def _keys(item: Any) -> list[Any]:
    return list(item) if isinstance(item, Mapping) else list(range(len(item)))


def _is_image(value: Any) -> bool:
    return isinstance(value, Tensor) and value.dim() == 3


def _as_columns(items: list[Any]) -> tuple[dict[str, Column], Callable[[dict[str, Column]], list[Any]]]:
    """Return the columns of items, and a function from such columns to items."""
    keys, first = _keys(items[0]), items[0]

    def rows(columns: dict[str, Column]) -> list[Any]:
        values = zip(*columns.values(), strict=True)
        if isinstance(first, Mapping):
            return [type(first)(zip(keys, row, strict=True)) for row in values]  # type: ignore[call-arg]
        return [type(first)(*row) if hasattr(first, "_fields") else row for row in values]

    return {str(key): Column(item[key] for item in items) for key in keys}, rows
