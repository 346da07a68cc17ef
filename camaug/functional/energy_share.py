"""Share of a saliency map's energy inside a mask."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["energy_share"]


def energy_share(maps: Tensor, masks: Tensor) -> Tensor:
    """Return the share of each map's energy inside its mask, or the mask's share of the area for an empty map.

    Args:
        maps: Saliency maps, non-negative, (N, H, W).
        masks: Boolean, (N, H, W).

    Returns:
        (N,), in [0, 1].

    Example:
        >>> energy_share(torch.tensor([[[1.0, 3.0]], [[0.0, 0.0]]]), torch.tensor([[[False, True]], [[False, True]]]))
        tensor([0.7500, 0.5000])
    """
    energy = torch.where(maps.sum(dim=(1, 2), keepdim=True) > 0, maps, 1)
    return (energy * masks).sum(dim=(1, 2)) / energy.sum(dim=(1, 2))
