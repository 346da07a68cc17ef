"""Consistency of predictions for images and their masked views."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["pair_consistency"]


def pair_consistency(logits: Tensor, index: Tensor) -> Tensor:
    """Return the Jensen-Shannon divergence between the predictions for images and for their masked views.

    The consistency loss of AugMix (Hendrycks et al. 2020, arXiv 1912.02781, section 3), for two views.

    Args:
        logits: Logits of N images followed by M masked views, (N + M, classes).
        index: Index of each masked view's original image, (M,).

    Returns:
        A scalar, the mean over the pairs, in [0, ln 2]; 0 without pairs.

    Example:
        >>> logits = torch.tensor([[2.0, 0.0], [0.0, 9.0], [2.0, 0.0]])
        >>> bool(pair_consistency(logits, torch.tensor([0])) < 1e-6)
        True
    """
    if len(index) == 0:
        return logits.sum() * 0
    originals, masked_views = logits[: len(logits) - len(index)], logits[len(logits) - len(index) :]
    pair = [each.float().log_softmax(dim=1) for each in (originals[index], masked_views)]
    mean = torch.logaddexp(*pair) - torch.log(torch.tensor(2.0))
    divergences = [F.kl_div(mean, each, log_target=True, reduction="batchmean") for each in pair]
    return (divergences[0] + divergences[1]) / 2
