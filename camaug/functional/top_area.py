"""Most salient pixels of maps."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["top_area"]


def top_area(maps: Tensor, area: float) -> Tensor:
    """Return the most salient pixels of each map, none if it is constant.

    Args:
        maps: (N, H, W).
        area: Their share of all pixels, in [0, 1], rounded to whole pixels.

    Returns:
        Boolean masks (N, H, W). Of equal values the first in reading order need not come first.

    Example:
        >>> top_area(torch.tensor([[[0.1, 0.9], [0.5, 0.2]]]), area=0.5)
        tensor([[[False,  True],
                 [ True, False]]])
    """
    values = maps.flatten(1)
    indices = values.topk(round(area * values.shape[1]), dim=1).indices
    top = torch.zeros_like(values, dtype=torch.bool).scatter_(1, indices, True).view_as(maps)
    return top & (maps.amin(dim=(1, 2), keepdim=True) < maps.amax(dim=(1, 2), keepdim=True))
