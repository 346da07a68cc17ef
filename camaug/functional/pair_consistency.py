"""Consistency of predictions for images and their masked views."""

from __future__ import annotations

import math
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from camaug.functional.precision import at_least_float32

__all__ = ["Consistency", "pair_consistency"]

Consistency = Literal["jensen-shannon", "one-way"]


def pair_consistency(
    logits: Tensor, index: Tensor, *, kind: Consistency = "jensen-shannon", multilabel: bool = False
) -> Tensor:
    """Return the divergence between the predictions for images and for their masked views.

    The consistency loss of AugMix (Hendrycks et al. 2020, arXiv 1912.02781, section 3), for two views, or one way: the
    Kullback-Leibler divergence ``KL(p_image || p_view)``, with no gradient for the image. A multi-label model predicts
    a Bernoulli distribution for each class, and the divergence is the mean over the classes.

    Args:
        logits: Logits of N images followed by M masked views, (N + M, classes). One column is the logit of a binary
            classifier.
        index: Index of each masked view's original image, (M,).
        kind: ``jensen-shannon``, which draws both predictions to each other, or ``one-way``, which draws the masked
            view's to the image's.
        multilabel: True if an image may have several labels: the probabilities are then the sigmoid of the logits,
            otherwise the softmax.

    Returns:
        A scalar, the mean over the pairs, at least 0 and, if symmetric, at most ln 2; 0 without pairs.

    Example:
        >>> logits = torch.tensor([[2.0, 0.0], [0.0, 9.0], [2.0, 0.0]])
        >>> bool(pair_consistency(logits, torch.tensor([0])) < 1e-6)
        True
    """
    if len(index) == 0:
        return logits.sum() * 0
    originals, masked_views = logits[: len(logits) - len(index)], logits[len(logits) - len(index) :]
    is_bernoulli = multilabel or logits.shape[1] == 1
    log_probabilities = _bernoulli if is_bernoulli else _categorical
    pair = [log_probabilities(at_least_float32(each)) for each in (originals[index], masked_views)]
    if kind == "one-way":
        return F.kl_div(pair[1], pair[0].detach(), log_target=True, reduction="batchmean").clamp(min=0)
    mean = torch.logaddexp(*pair) - math.log(2)
    divergences = [F.kl_div(mean, each, log_target=True, reduction="batchmean") for each in pair]
    return ((divergences[0] + divergences[1]) / 2).clamp(min=0)  # rounding may leave a little less than 0


def _categorical(logits: Tensor) -> Tensor:
    """Return the log-probabilities of the classes, (M, classes)."""
    return logits.log_softmax(dim=1)


def _bernoulli(logits: Tensor) -> Tensor:
    """Return the log-probabilities of "yes" and "no" for each image and class, (M * classes, 2)."""
    return F.logsigmoid(torch.stack([logits, -logits], dim=-1)).flatten(0, 1)
