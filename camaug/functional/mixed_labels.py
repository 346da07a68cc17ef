"""Labels of images that show parts of two images."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["label_probabilities", "mixed_labels"]


def mixed_labels(labels: Tensor, pasted_labels: Tensor, kept: Tensor, pasted: Tensor, classes: int) -> Tensor:
    """Return the labels of images with a pasted part, weighted by the visible energy of both saliency maps.

    Huang, Wang, Tao 2021, SnapMix (arXiv 2012.04846), section 3.2: each label's weight is the share of its image's
    energy that the mixed image shows. The two weights are divided by their sum, so that the result is a distribution.

    Args:
        labels: Labels of the images pasted into: class indices (N,) or probabilities (N, classes).
        pasted_labels: Labels of the images that the pasted parts come from, in the same form.
        kept: Share of the first images' energy that remains visible, (N,).
        pasted: Share of the second images' energy that is visible, (N,).
        classes: Number of classes.

    Returns:
        Probabilities (N, classes).

    Example:
        >>> labels = torch.tensor([0]), torch.tensor([1])
        >>> mixed_labels(*labels, kept=torch.tensor([0.2]), pasted=torch.tensor([0.6]), classes=3)
        tensor([[0.2500, 0.7500, 0.0000]])
    """
    total = (kept + pasted).clamp(min=torch.finfo(kept.dtype).tiny)
    weight = torch.where(kept + pasted > 0, pasted / total, 0)[:, None]
    return torch.lerp(label_probabilities(labels, classes), label_probabilities(pasted_labels, classes), weight)


def label_probabilities(labels: Tensor, classes: int) -> Tensor:
    """Return labels as probabilities (N, classes) in float32, one-hot for class indices.

    Args:
        labels: Class indices (N,) or probabilities (N, classes).
        classes: Number of classes.

    Example:
        >>> label_probabilities(torch.tensor([2, 0]), classes=3)
        tensor([[0., 0., 1.],
                [1., 0., 0.]])
    """
    return (labels if labels.dim() == 2 else F.one_hot(labels, classes)).float()
