"""Masks moved to random positions."""

from __future__ import annotations

import torch
from torch import Tensor

from camaug.utils.copied_to import copied_to

__all__ = ["shifted_masks"]


def shifted_masks(masks: Tensor) -> Tensor:
    """Return each mask moved by a random distance, what leaves the image on one side entering on the other.

    Area and shape stay the same. PyTorch's global CPU generator draws the distances.

    Args:
        masks: Boolean, (N, H, W).

    Returns:
        Boolean masks (N, H, W).

    Example:
        >>> masks = torch.rand(2, 28, 28) > 0.7
        >>> torch.equal(shifted_masks(masks).sum(dim=(1, 2)), masks.sum(dim=(1, 2)))
        True
    """
    count, height, width = masks.shape
    rows, columns = (
        (torch.arange(side, device=masks.device) + _draw(side, count, masks.device)).remainder(side)
        for side in (height, width)
    )
    return masks.gather(1, rows[:, :, None].expand_as(masks)).gather(2, columns[:, None, :].expand_as(masks))


def _draw(side: int, count: int, device: torch.device) -> Tensor:
    """Draw distances below a side, (count, 1)."""
    return copied_to(torch.randint(side, (count, 1), device="cpu"), device)
