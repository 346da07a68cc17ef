"""Warning about labels of several classes."""

from __future__ import annotations

from lightning.pytorch.utilities import rank_zero_warn
from torch import Tensor

__all__ = ["warn_of_several_classes"]


def warn_of_several_classes(labels: Tensor) -> None:
    """Warn if labels (N, classes) name several classes of one image, which probabilities do not."""
    if labels.dim() == 2 and labels.shape[1] > 1 and bool((labels.float().sum(dim=1) > 1.5).any()):
        rank_zero_warn(
            "GroupCamAugmentation: the labels name several classes of an image, and only the most probable class is "
            "explained, or the first of several equal ones: pixels that show only the others count as unimportant"
        )
