"""Appending of rows to everything in a batch that has a row for each image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from camaug.augmentation.batch import sub_batch_path
from camaug.augmentation.batch_leaves import batch_leaves, change_parts
from camaug.augmentation.stacked_batch import Column

__all__ = ["append_rows"]


def append_rows(batch: Any, images: Tensor, index: Tensor, replacements: Sequence[tuple[Tensor, Tensor]]) -> Any:
    """Return a copy of a batch in which some images have a second row, with everything that belongs to them.

    In the sub-batch of the images every tensor, array, list and tuple with N rows gets the rows ``index`` again:
    weights, indices, paths, metadata, a second view. Other parts stay as they are.

    Args:
        batch: The batch, which stays as it is.
        images: The images (N, C, H, W), a tensor of the batch.
        index: Indices of the rows to append, (M,).
        replacements: Pairs of a tensor in the batch, found by identity, and its replacement with N + M rows.

    Example:
        >>> images = torch.zeros(2, 3, 4, 4)
        >>> batch = {"image": images, "weight": torch.tensor([0.5, 2.0]), "path": ["a.jpg", "b.jpg"]}
        >>> longer = append_rows(batch, images, torch.tensor([1]), [(images, torch.zeros(3, 3, 4, 4))])
        >>> longer["weight"], longer["path"]
        (tensor([0.5000, 2.0000, 2.0000]), ['a.jpg', 'b.jpg', 'b.jpg'])
    """
    leaves = batch_leaves(batch)
    image = next((leaf for leaf in leaves if leaf.tensor is images), None)
    sub_batch = () if image is None else sub_batch_path(leaves, image)
    by_identity = {id(old): new for old, new in replacements}

    def extended(part: Any, path: tuple[str, ...]) -> Any:
        if id(part) in by_identity:
            return by_identity[id(part)]
        if path[: len(sub_batch)] != sub_batch:
            return part
        return _extended(part, len(images), index)

    return change_parts(batch, extended)


def _extended(part: Any, count: int, index: Tensor) -> Any:
    if isinstance(part, Tensor) and part.dim() > 0 and len(part) == count:
        return torch.cat([part, part[index.to(part.device)]])
    if isinstance(part, np.ndarray) and part.ndim > 0 and len(part) == count:
        return np.concatenate([part, part[index.cpu().numpy()]])
    if _is_list_of_items(part, count):
        return type(part)([*part, *(part[position] for position in index.tolist())])
    return part


def _is_list_of_items(part: Any, count: int) -> bool:
    """Return True if a list has an item for each image, rather than tensors of all images."""
    if not isinstance(part, list | tuple) or hasattr(part, "_fields") or len(part) != count:
        return False
    if isinstance(part, Column):
        return True
    tensors = [leaf.tensor for leaf in batch_leaves(part)]
    return not any(tensor.dim() > 0 and len(tensor) == count for tensor in tensors)
