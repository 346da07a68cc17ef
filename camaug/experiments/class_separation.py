"""Separation of the maps of an image's classes: their correlation, and the confidence in the masked images."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn

from camaug.experiments.target_classes import class_probabilities
from camaug.functional.masks import blend, gaussian_blur
from camaug.metrics import rank_correlation

__all__ = ["class_correlation", "confidence_through"]


def class_correlation(maps: Tensor) -> Tensor:
    """Return the mean rank correlation of all pairs of maps of an image's classes.

    Args:
        maps: A map for each class of each image, (N, k, H, W), k at least 2.

    Returns:
        (N,), in [-1, 1]; 1 if the map is the same for all classes.

    Example:
        >>> one = torch.rand(1, 1, 4, 4)
        >>> class_correlation(torch.cat([one, one], dim=1)), class_correlation(torch.cat([one, 1 - one], dim=1))
        (tensor([1.]), tensor([-1.]))
    """
    pairs = list(itertools.combinations(range(maps.shape[1]), 2))
    return torch.stack([rank_correlation(maps[:, first], maps[:, second]) for first, second in pairs]).mean(dim=0)


def confidence_through(model: nn.Module, images: Tensor, maps: Tensor, classes: Tensor) -> Tensor:
    """Return the confidence in each class for the image masked by the map of each class, blurred where the map is 0.

    Args:
        model: The classifier; it is left unchanged.
        images: (N, C, H, W).
        maps: A map for each class of each image, (N, k, H, W), in [0, 1].
        classes: (N, k).

    Returns:
        (N, k, k), in [0, 1]: at [n, i, j] the confidence in class i for the image masked by the map of class j.
    """
    blurred = gaussian_blur(images)
    confidences = [
        class_probabilities(model, blend(images, blurred, maps[:, index])).gather(1, classes)
        for index in range(maps.shape[1])
    ]
    return torch.stack(confidences, dim=2)
