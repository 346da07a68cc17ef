"""Boxes around the salient regions of saliency maps."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["salient_boxes"]


def salient_boxes(maps: Tensor, *, threshold: float = 0.5, padding: float = 0.1, min_side: float = 0.5) -> Tensor:
    """Return a box around the salient region of each map, with the aspect ratio of the map.

    The smallest box that contains every pixel with at least ``threshold`` of the map's maximum (WS-DAN, Hu et al. 2019,
    arXiv 1901.09891, equation 6) is enlarged to the map's aspect ratio, so that an enlarged crop is not distorted, and
    moved inside the image. The box of an empty map is the whole image. Nothing waits for the device.

    Args:
        maps: Saliency maps, non-negative, (N, H, W).
        threshold: Share of a map's maximum from which a pixel is salient, in (0, 1].
        padding: Margin added at each end of both sides, as a share of the side.
        min_side: Least share of the image's height and width, in (0, 1].

    Returns:
        Boxes (N, 4) of top, left, height and width in pixels, not rounded.

    Example:
        >>> maps = torch.zeros(1, 10, 20)
        >>> maps[0, 2:6, 10:14] = 1
        >>> salient_boxes(maps, padding=0, min_side=0.1)
        tensor([[2., 8., 4., 8.]])
    """
    size = maps.shape[1:]
    is_salient = maps >= threshold * maps.amax(dim=(1, 2), keepdim=True)  # everywhere in an empty map
    extents = [_extent(is_salient.any(dim=axis)) for axis in (2, 1)]
    shares = [length / side for (_, length), side in zip(extents, size, strict=True)]
    share = (torch.maximum(*shares) * (1 + 2 * padding)).clamp(min_side, 1)
    lengths = [share * side for side in size]
    starts = [
        torch.minimum((start + (shortest - length) / 2).clamp(min=0), side - length)
        for (start, shortest), length, side in zip(extents, lengths, size, strict=True)
    ]
    return torch.stack([*starts, *lengths], dim=1)


def _extent(is_salient: Tensor) -> tuple[Tensor, Tensor]:
    """Return the start and the length of the smallest range that contains all True values of a row, (N,) each."""
    marks = is_salient.int()
    start = marks.argmax(dim=1)
    end = marks.shape[1] - marks.flip(1).argmax(dim=1)
    return start.float(), (end - start).float()
