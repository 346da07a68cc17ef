"""Ranks of pixels in the order of falling saliency."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from camaug.utils.copied_to import copied_to

__all__ = ["pixel_ranks"]


def pixel_ranks(maps: Tensor) -> Tensor:
    """Compute the rank of every pixel in the order of falling saliency, 0 for the most salient.

    Pixels of the same value come in an order that is random, but the same in every call, so that a constant map is
    equivalent to a random one.

    Args:
        maps: (N, H, W).

    Returns:
        (N, H, W), int64; each map's values are a permutation of 0 to H W - 1.

    Example:
        >>> pixel_ranks(torch.tensor([[[0.1, 0.9], [0.5, 0.0]]]))
        tensor([[[2, 0],
                 [1, 3]]])
    """
    flat = torch.where(maps.isfinite(), maps, 0).flatten(1)
    shuffled = copied_to(_shuffled(flat.shape[1]), maps.device)
    order = shuffled[flat[:, shuffled].argsort(dim=1, descending=True, stable=True)]
    ranks = torch.arange(flat.shape[1], device=maps.device).expand_as(order)
    return torch.empty_like(order).scatter_(1, order, ranks).view(maps.shape)


@lru_cache(maxsize=4)
def _shuffled(count: int) -> Tensor:
    return torch.randperm(count, generator=torch.Generator().manual_seed(0), device="cpu")
