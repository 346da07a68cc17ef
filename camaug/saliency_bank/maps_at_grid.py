"""Saliency maps at the resolution in which the bank keeps them."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from camaug.functional.masks import normalise, undo_upsample

__all__ = ["maps_at_grid"]


def maps_at_grid(maps: Tensor, grid: tuple[int, int], *, enlarged: bool) -> Tensor:
    """Reduce maps at the images' size to the bank's grid.

    Args:
        maps: (N, H, W) in [0, 1].
        grid: Height and width of the result.
        enlarged: Whether the maps were enlarged from this grid. If so, the result is the least-squares inverse of the
            bilinear upsampling, otherwise the mean over each cell, stretched to [0, 1].

    Returns:
        (N, h, w), uint8, 255 for 1.

    Example:
        >>> maps_at_grid(torch.tensor([[[1.0, 1.0, 0.0, 0.0]]]), (1, 2), enlarged=False)
        tensor([[[255,   0]]], dtype=torch.uint8)
    """
    small = undo_upsample(maps, grid) if enlarged else normalise(F.adaptive_avg_pool2d(maps, grid))
    return small.mul(255).round().clamp(0, 255).to(torch.uint8)
