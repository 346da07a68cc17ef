"""Boxes of images: masks, saliency inside them, and resampling from one box into another.

A box is (top, left, height, width) in pixels, in a tensor (N, 4).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["box_masks", "box_shares", "paste_boxes", "resized_crops", "whole_image_box"]


def box_masks(boxes: Tensor, size: tuple[int, int]) -> Tensor:
    """Return the masks of boxes.

    Args:
        boxes: (N, 4), in whole pixels.
        size: Height and width of the images.

    Returns:
        Boolean (N, *size).

    Example:
        >>> box_masks(torch.tensor([[0, 1, 1, 2]]), (2, 3)).int()
        tensor([[[0, 1, 1],
                 [0, 0, 0]]], dtype=torch.int32)
    """
    top, left, height, width = boxes[:, :, None].unbind(1)
    rows, columns = (torch.arange(side, device=boxes.device) for side in size)
    in_rows = (rows >= top) & (rows < top + height)
    in_columns = (columns >= left) & (columns < left + width)
    return in_rows[:, :, None] & in_columns[:, None, :]


def box_shares(maps: Tensor, boxes: Tensor) -> Tensor:
    """Return the share of each map's energy inside each of its boxes, 0 for an empty map.

    Args:
        maps: Saliency maps, non-negative, (N, H, W).
        boxes: (N, K, 4), int64, inside the images.

    Returns:
        (N, K), in [0, 1].

    Example:
        >>> box_shares(torch.tensor([[[1.0, 3.0]]]), torch.tensor([[[0, 1, 1, 1], [0, 0, 1, 2]]]))
        tensor([[0.7500, 1.0000]])
    """
    sums = F.pad(maps.double() if maps.device.type == "cpu" else maps, (1, 0, 1, 0)).cumsum(1).cumsum(2)
    width = sums.shape[2]
    top, left, height, breadth = boxes.unbind(-1)
    corners = [(top, left), (top, left + breadth), (top + height, left), (top + height, left + breadth)]
    flat = sums.flatten(1)
    first, right, bottom, last = (flat.gather(1, row * width + column) for row, column in corners)
    inside, total = last - right - bottom + first, flat[:, -1:]
    return torch.where(total > 0, inside / torch.where(total > 0, total, 1), 0).clamp(0, 1).to(maps.dtype)


def whole_image_box(size: tuple[int, int], device: torch.device) -> Tensor:
    """Return the box of a whole image of a height and width, (4,), without a copy from the main memory.

    Example:
        >>> whole_image_box((3, 5), torch.device("cpu"))
        tensor([0, 0, 3, 5])
    """
    box = torch.zeros(4, dtype=torch.int64, device=device)
    for position, side in enumerate(size):
        box[2 + position].fill_(side)
    return box


def resized_crops(images: Tensor, boxes: Tensor) -> Tensor:
    """Return the boxes of images, enlarged to the images' size by bilinear interpolation.

    Args:
        images: (N, C, H, W).
        boxes: (N, 4), which need not be whole numbers.

    Returns:
        (N, C, H, W).
    """
    height, width = images.shape[2:]
    whole = whole_image_box((height, width), images.device).expand(len(images), 4)
    return _sampled(images, boxes, whole)


def paste_boxes(images: Tensor, sources: Tensor, source_boxes: Tensor, target_boxes: Tensor) -> Tensor:
    """Return images with a box of another image, resized, in a box of each.

    Args:
        images: The images pasted into, (N, C, H, W).
        sources: The images pasted from, (N, C, H, W).
        source_boxes: (N, 4).
        target_boxes: (N, 4), in whole pixels. An empty box leaves its image as it is.

    Returns:
        (N, C, H, W).
    """
    mask = box_masks(target_boxes, (images.shape[2], images.shape[3]))
    return torch.where(mask[:, None], _sampled(sources, source_boxes, target_boxes), images)


def _sampled(images: Tensor, source: Tensor, target: Tensor) -> Tensor:
    """Return images whose target box shows the source box, as cut out and resized. Pixels outside are arbitrary."""
    pixels = images if images.dtype == torch.float64 else images.float()
    source, target = source.to(pixels), target.to(pixels)
    axes = [
        _coordinates(side, source[:, axis], source[:, axis + 2], target[:, axis], target[:, axis + 2])
        for axis, side in enumerate(images.shape[2:])
    ]
    rows, columns = axes[0][:, :, None], axes[1][:, None, :]
    size = (len(images), images.shape[2], images.shape[3])
    grid = torch.stack([columns.expand(size), rows.expand(size)], dim=-1)
    with torch.autocast(images.device.type, enabled=False):
        sampled = F.grid_sample(pixels, grid, mode="bilinear", padding_mode="border", align_corners=False)
    return sampled.to(images.dtype)


def _coordinates(side: int, start: Tensor, length: Tensor, target_start: Tensor, target_length: Tensor) -> Tensor:
    """Return where each row or column is read, in ``grid_sample``'s units, (N, side)."""
    centres = torch.arange(side, device=start.device) + 0.5
    start, length = start[:, None], length[:, None]
    target_start, target_length = target_start[:, None], target_length[:, None]
    position = start + (centres - target_start) * length / target_length.clamp(min=1)
    # Bilinear interpolation of a cut-out box does not see the pixels around it.
    position = torch.minimum(torch.maximum(position, start + 0.5), start + length - 0.5)
    return 2 * position / side - 1
