"""Agreement of heatmaps with a reference."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from camaug.functional.masks import map_iou
from camaug.functional.rank_correlation import rank_correlation

__all__ = ["MIN_CORRELATION", "MIN_IOU", "Agreement"]

MIN_CORRELATION = 0.98
MIN_IOU = 0.9


@dataclass(frozen=True)
class Agreement:
    """Mean agreement of heatmaps with reference heatmaps of the same images.

    Attributes:
        correlation: Spearman's rank correlation, in [-1, 1].
        iou: Intersection over union of the binary masks (:func:`camaug.functional.masks.map_iou`), in [0, 1].
    """

    correlation: float
    iou: float

    @classmethod
    def between(cls, maps: Tensor, reference: Tensor) -> Agreement:
        """Compare maps (N, H, W) with reference maps of the same shape.

        Example:
            >>> import torch
            >>> maps = torch.tensor([[[0.0, 0.1, 0.9, 1.0]]])
            >>> print(Agreement.between(maps, maps**2))
            rank correlation 1.000, mask IoU 1.000
        """
        return cls(float(rank_correlation(maps, reference).mean()), float(map_iou(maps, reference).mean()))

    @property
    def is_enough(self) -> bool:
        """Return True if the maps can replace the reference: a correlation of 0.98 and an IoU of 0.9 at least."""
        return self.correlation >= MIN_CORRELATION and self.iou >= MIN_IOU

    def __str__(self) -> str:
        return f"rank correlation {self.correlation:.3f}, mask IoU {self.iou:.3f}"
