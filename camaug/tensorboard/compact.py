"""Maps at the images' size as few bytes, and back."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from camaug.functional.masks import undo_upsample, upsample
from camaug.tensorboard.stored_map import StoredMap

__all__ = ["LARGEST_SIDE", "compact", "restore"]

LARGEST_SIDE = 80  # of maps that have no resolution of their own: 16 images in 100 epochs stay below 20 MB
EXACT = 1e-4  # less than this is rounding
WIDEST = 1.9  # of a range of values; in 8 bits, a wider one would be further than 1/255 off


def compact(maps: Tensor, grid: tuple[int, int] | None) -> list[StoredMap]:
    """Maps in 8 bits at their own resolution.

    Args:
        maps: (N, H, W) in [0, 1].
        grid: Height and width that the maps were enlarged from; None where they were not.

    Returns:
        N maps. Where the maps are indeed an enlarged grid, that is what is kept, and :func:`restore` gives the maps
        within 1/255. Otherwise the mean over cells, so that no side is longer than 80; of smaller maps every pixel.

    Example:
        >>> stored = compact(torch.tensor([[[1.0, 0.75, 0.25, 0.0]]]), grid=(1, 2))
        >>> stored[0].width, stored[0].height, list(stored[0].values)
        (2, 1, [255, 0])
    """
    maps = maps.detach().float().cpu()
    small = _enlarged_from(maps, grid)
    if small is None:
        small = F.adaptive_avg_pool2d(maps, _fitted(maps.shape[-2], maps.shape[-1]))
    return [_stored(each) for each in small]


def restore(stored: StoredMap, size: tuple[int, int]) -> Tensor:
    """The map (H, W) at the size of its image, in [0, 1]."""
    values = torch.frombuffer(bytearray(stored.values), dtype=torch.uint8).view(1, 1, stored.height, stored.width)
    map_ = stored.low + (stored.high - stored.low) * values.float() / 255
    return upsample(map_, size)[0, 0].clamp(0, 1)


def _enlarged_from(maps: Tensor, grid: tuple[int, int] | None) -> Tensor | None:
    """The grid of each map; None where they are not enlarged grids, or where 8 bits would not be enough for them."""
    size = (maps.shape[-2], maps.shape[-1])
    if grid is None or grid[0] > size[0] or grid[1] > size[1]:
        return None
    small = undo_upsample(maps, grid)
    is_exact = bool((upsample(small[:, None], size)[:, 0] - maps).abs().amax() < EXACT)
    is_narrow = bool(small.amax().clamp(min=1) - small.amin().clamp(max=0) < WIDEST)
    return small if is_exact and is_narrow else None


def _fitted(height: int, width: int) -> tuple[int, int]:
    scale = min(1.0, LARGEST_SIDE / max(height, width))
    return max(1, round(height * scale)), max(1, round(width * scale))


def _stored(small: Tensor) -> StoredMap:
    low, high = (round(float(limit), 6) for limit in (small.amin().clamp(max=0), small.amax().clamp(min=1)))
    values = ((small - low) / (high - low) * 255).round().clamp(0, 255).to(torch.uint8)
    return StoredMap(small.shape[1], small.shape[0], low, high, values.contiguous().numpy().tobytes())
