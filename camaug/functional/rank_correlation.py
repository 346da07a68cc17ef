"""Rank correlation of saliency maps."""

from __future__ import annotations

import torch
from torch import Tensor

from camaug.functional.precision import at_least_float32

__all__ = ["centred_ranks", "rank_correlation"]


def rank_correlation(maps: Tensor, others: Tensor) -> Tensor:
    """Compute Spearman's rank correlation of each map with another, giving tied values their mean rank.

    It is 1 for two constant maps and 0 for a constant map and any other.

    Args:
        maps: (N, H, W).
        others: (N, H, W).

    Returns:
        (N,), in [-1, 1].

    Example:
        >>> maps = torch.tensor([[[0.0, 0.1, 0.2, 0.9]]])
        >>> rank_correlation(maps, maps**2), rank_correlation(maps, 1 - maps)
        (tensor([1.]), tensor([-1.]))
    """
    ranks, other_ranks = centred_ranks(maps), centred_ranks(others)
    norms = ranks.norm(dim=1) * other_ranks.norm(dim=1)
    both_constant = (ranks.norm(dim=1) == 0) & (other_ranks.norm(dim=1) == 0)
    correlation = (ranks * other_ranks).sum(dim=1) / torch.where(norms > 0, norms, 1)
    return torch.where(both_constant, 1.0, correlation).float().clamp(-1, 1)


def centred_ranks(maps: Tensor) -> Tensor:
    """Return the ranks of each map's values minus their mean, giving tied values their mean rank.

    Args:
        maps: (N, H, W).

    Returns:
        (N, H · W), float64 on the CPU, float32 on accelerators, where float64 is slow or missing.

    Example:
        >>> centred_ranks(torch.tensor([[[0.0, 0.5, 0.5, 0.9]]]))
        tensor([[-1.5000,  0.0000,  0.0000,  1.5000]], dtype=torch.float64)
    """
    values = at_least_float32(maps.flatten(1)).contiguous()
    ordered = values.sort(dim=1).values
    first = torch.searchsorted(ordered, values, right=False)
    last = torch.searchsorted(ordered, values, right=True)
    # The mean of all mean ranks is half their number, with ties too.
    centred = first + last - values.shape[1]
    return centred.to(torch.float64 if maps.device.type == "cpu" else torch.float32) / 2
