"""Comparison of the labels of an image with the probabilities of classes that do not exclude each other."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

__all__ = ["explained_labels", "false_positives", "missed_labels"]

PRESENT = 0.5
"""Probability from which a class counts as predicted."""
MOST_EXPLAINED = 8


def missed_labels(labels: Sequence[int], probabilities: Tensor) -> list[int]:
    """Return the labels whose probability is below 0.5 or NaN.

    Args:
        labels: Classes of the image.
        probabilities: Probability of each class, (classes,).

    Example:
        >>> import torch
        >>> missed_labels([0, 2], torch.tensor([0.9, 0.8, 0.4]))
        [2]
    """
    return [label for label in labels if not probabilities[label] >= PRESENT]


def false_positives(labels: Sequence[int], probabilities: Tensor) -> list[int]:
    """Return the classes that are no labels and have a probability of at least 0.5, the most probable first.

    Args:
        labels: Classes of the image.
        probabilities: Probability of each class, (classes,).

    Example:
        >>> import torch
        >>> false_positives([0], torch.tensor([0.9, 0.6, 0.4, 0.8]))
        [3, 1]
    """
    present = (probabilities >= PRESENT).nonzero()[:, 0].tolist()
    return _most_probable_first(set(present) - set(labels), probabilities)


def explained_labels(labels: Sequence[int], probabilities: Tensor) -> list[int]:
    """Return the labels that get a heatmap: all of up to 8, otherwise the 8 most probable.

    Args:
        labels: Classes of the image.
        probabilities: Probability of each class, (classes,).

    Example:
        >>> import torch
        >>> explained_labels(range(10), torch.linspace(0, 1, 10))
        [9, 8, 7, 6, 5, 4, 3, 2]
    """
    if len(labels) <= MOST_EXPLAINED:
        return list(labels)
    return _most_probable_first(set(labels), probabilities)[:MOST_EXPLAINED]


def _most_probable_first(classes: set[int], probabilities: Tensor) -> list[int]:
    values = probabilities.nan_to_num(0).tolist()
    return sorted(classes, key=lambda index: (-values[index], index))
