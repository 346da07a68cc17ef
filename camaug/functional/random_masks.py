"""Random masks of given areas."""

from __future__ import annotations

import torch
from torch import Tensor

from camaug.functional.masks import upsample
from camaug.utils.copied_to import copied_to

__all__ = ["random_masks"]


def random_masks(masks: Tensor, cells: int = 7) -> Tensor:
    """Return random masks of the same areas, in patches about as coarse as a saliency map.

    Noise on a small grid is enlarged to the masks' size, and its largest values are kept. PyTorch's global CPU
    generator draws the noise.

    Args:
        masks: Boolean, (N, H, W).
        cells: Side of the noise grid. The default is the usual feature map's side for images of 224 pixels.

    Returns:
        Boolean masks (N, H, W), each with as many True pixels as the given mask.

    Example:
        >>> masks = torch.rand(2, 28, 28) > 0.7
        >>> torch.equal(random_masks(masks).sum(dim=(1, 2)), masks.sum(dim=(1, 2)))
        True
    """
    if len(masks) == 0:
        return masks
    noise = copied_to(torch.rand(len(masks), 1, cells, cells, dtype=torch.float32, device="cpu"), masks.device)
    pixels = upsample(noise, (masks.shape[1], masks.shape[2])).flatten(1)
    ranks = pixels.argsort(dim=1, descending=True).argsort(dim=1)
    return (ranks < masks.flatten(1).sum(dim=1, keepdim=True)).view(masks.shape)
