"""Compression of heatmaps to 8-bit maps of low resolution, and the way back."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from camaug.functional.masks import undo_upsample, upsample
from camaug.tensorboard.stored_map import StoredMap

__all__ = ["LARGEST_SIDE", "compress_maps", "restore_map"]

LARGEST_SIDE = 80  # of maps without a resolution of their own: 16 images in 100 epochs stay below 20 MB
ROUNDING_ERROR = 1e-4
WIDEST_RANGE = 1.9  # an 8-bit step of a wider range of values would be too coarse for an error of 1/255


def compress_maps(maps: Tensor, grid: tuple[int, int] | None) -> list[StoredMap]:
    """Quantise maps to 8 bits at the resolution of the layer that they come from.

    Args:
        maps: (N, H, W) in [0, 1].
        grid: Height and width from which the maps were upsampled; None if they were computed at full resolution.

    Returns:
        N stored maps. If the maps are an upsampled grid, the grid is stored, and :func:`restore_map` returns the maps
        within 1/255. Otherwise each map is average-pooled until no side is longer than 80; smaller maps keep their
        pixels.

    Example:
        >>> stored = compress_maps(torch.tensor([[[1.0, 0.75, 0.25, 0.0]]]), grid=(1, 2))
        >>> stored[0].width, stored[0].height, list(stored[0].values)
        (2, 1, [255, 0])
    """
    maps = maps.detach().float().cpu()
    small_maps = _undo_upsampling(maps, grid)
    if small_maps is None:
        small_maps = F.adaptive_avg_pool2d(maps, _pooled_size(maps.shape[-2], maps.shape[-1]))
    return [_quantise(small_map) for small_map in small_maps]


def restore_map(stored: StoredMap, size: tuple[int, int]) -> Tensor:
    """Upsample a stored map to its image's size, (H, W) in [0, 1]."""
    values = torch.frombuffer(bytearray(stored.values), dtype=torch.uint8).view(1, 1, stored.height, stored.width)
    map_ = stored.low + (stored.high - stored.low) * values.float() / 255
    return upsample(map_, size)[0, 0].clamp(0, 1)


def _undo_upsampling(maps: Tensor, grid: tuple[int, int] | None) -> Tensor | None:
    """Return the low-resolution maps, or None if the maps are no upsampled grid or 8 bits are too few for them."""
    size = (maps.shape[-2], maps.shape[-1])
    if grid is None or grid[0] > size[0] or grid[1] > size[1]:
        return None
    small_maps = undo_upsample(maps, grid)
    is_exact = bool((upsample(small_maps[:, None], size)[:, 0] - maps).abs().amax() < ROUNDING_ERROR)
    is_narrow = bool(small_maps.amax().clamp(min=1) - small_maps.amin().clamp(max=0) < WIDEST_RANGE)
    return small_maps if is_exact and is_narrow else None


def _pooled_size(height: int, width: int) -> tuple[int, int]:
    scale = min(1.0, LARGEST_SIDE / max(height, width))
    return max(1, round(height * scale)), max(1, round(width * scale))


def _quantise(small_map: Tensor) -> StoredMap:
    low, high = (round(float(limit), 6) for limit in (small_map.amin().clamp(max=0), small_map.amax().clamp(min=1)))
    values = ((small_map - low) / (high - low) * 255).round().clamp(0, 255).to(torch.uint8)
    return StoredMap(small_map.shape[1], small_map.shape[0], low, high, values.contiguous().numpy().tobytes())
