"""Scores by which validation images are chosen to be explained."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["LISTS", "ImageScores", "score_images"]

LISTS = ("wrong", "forgotten", "uncertain", "sample")
"""Names of the lists: confidently wrong, wrong since the last validation, least certain, and a sample of all images."""
SPREAD, MODULUS = 2654435769, 2**32  # their ratio is the golden ratio, whose multiples spread evenly over [0, 1)


class ImageScores(NamedTuple):
    """Predictions and scores of N images.

    Attributes:
        predicted: The most probable classes (N,).
        is_wrong: Boolean (N,), False without a label.
        is_correct: Boolean (N,), False without a label.
        scores: Scores (4, N) of the lists in ``LISTS``, higher for images that are explained first, and -inf for images
            that do not belong to a list.
    """

    predicted: Tensor
    is_wrong: Tensor
    is_correct: Tensor
    scores: Tensor


def score_images(
    logits: Tensor, targets: Tensor, numbers: Tensor, was_correct: Tensor | None = None, *, turn: int = 0
) -> ImageScores:
    """Score images without waiting for their device.

    * ``wrong``: the probability of the wrong class. With several labels it is the largest error of a class, its
      probability or, for a label, one minus its probability, and an error above 0.5 is wrong.
    * ``forgotten``: the same, for images that were correct.
    * ``uncertain``: minus the difference of the two largest probabilities. With several labels it is minus twice the
      smallest distance of a probability from 0.5.
    * ``sample``: a number in [0, 1) that depends on the image's number and the turn alone.

    Args:
        logits: (N, classes), at least two classes.
        targets: Classes (N,), -1 without a label; or boolean (N, classes), where an image may have several labels.
        numbers: Number (N,) of each image in the data.
        was_correct: Boolean (N,), True where an image was correct in the last validation, None if it is unknown.
        turn: Number of validations before this one, which changes the sample.

    Example:
        >>> scored = score_images(torch.tensor([[2.0, 0.0], [0.0, 0.0]]), torch.tensor([1, 1]), torch.arange(2))
        >>> scored.is_wrong, scored.scores[0]
        (tensor([True, True]), tensor([0.8808, 0.5000]))
    """
    logits = logits.detach().float()
    is_finite = logits.isfinite().all(dim=1)
    if targets.dim() == 2:
        predicted, error, is_labelled, is_wrong, margin = _score_several(logits, targets)
    else:
        predicted, error, is_labelled, is_wrong, margin = _score_one(logits, targets)
    is_wrong, is_correct = is_labelled & is_wrong, is_labelled & ~is_wrong & is_finite
    is_forgotten = is_wrong & was_correct if was_correct is not None else torch.zeros_like(is_wrong)
    chance = (((numbers + 1) * SPREAD + turn * (SPREAD // 3)) % MODULUS).float() / MODULUS
    nothing = torch.full_like(error, -torch.inf)
    scores = torch.stack(
        [
            torch.where(is_wrong & is_finite, error, nothing),
            torch.where(is_forgotten & is_finite, error, nothing),
            torch.where(is_finite, -margin, nothing),
            torch.where(is_finite, chance, nothing),
        ]
    )
    return ImageScores(predicted, is_wrong, is_correct, scores)


def _score_one(logits: Tensor, targets: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    top = logits.softmax(dim=1).topk(2, dim=1)
    predicted, confidence = top.indices[:, 0], top.values[:, 0]
    is_labelled = (targets >= 0) & (targets < logits.shape[1])
    return predicted, confidence, is_labelled, predicted != targets, confidence - top.values[:, 1]


def _score_several(logits: Tensor, targets: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    probabilities = logits.sigmoid()
    error = (probabilities - targets.float()).abs().amax(dim=1)
    margin = 2 * (probabilities - 0.5).abs().amin(dim=1)
    is_labelled = torch.ones_like(error, dtype=torch.bool)
    return probabilities.argmax(dim=1), error, is_labelled, error > 0.5, margin
