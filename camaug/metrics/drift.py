"""Change of heatmaps since the previous snapshot."""

from __future__ import annotations

import torch
from torch import Tensor

from camaug.functional.masks import mask_iou
from camaug.functional.percentile import percentile
from camaug.functional.rank_correlation import rank_correlation
from camaug.metrics.checks import check_finite
from camaug.metrics.mean_over_images import MeanOverImages
from camaug.metrics.trust import are_constant

__all__ = ["Drift", "rank_correlation", "top_overlap"]


def top_overlap(maps: Tensor, previous: Tensor, share: float = 0.2) -> Tensor:
    """Compute the intersection over union of the highest positions of each map and of its predecessor.

    A position is among the highest if its value is above 0 and at least the (1 - ``share``)-quantile of its map. The
    overlap of two maps without such positions is 1.

    Args:
        maps: (N, H, W), at least 0.
        previous: (N, H, W), at least 0.
        share: Share of the positions that are the highest.

    Returns:
        (N,), in [0, 1].
    """
    return mask_iou(_highest(maps.float(), share), _highest(previous.float(), share))


class Drift(MeanOverImages):
    """Change of the maps of the same images, averaged over images.

    The paper reads Group-CAM's maps as a hint of convergence (arXiv 2103.13859, section 5): when they stop changing,
    the model has probably converged.

    ``compute`` returns ``drift``, 1 minus the rank correlation, in [0, 2] with 0 for no change, and ``overlap``, the
    intersection over union of the highest 20 % of the positions, in [0, 1] with 1 for no change. Maps that are
    constant and were constant before are left out, because they would look like perfect stability.

    Args:
        **kwargs: Arguments of TorchMetrics' ``Metric``.

    Example:
        >>> import torch
        >>> metric = Drift()
        >>> maps = torch.rand(4, 8, 8)
        >>> metric.update(maps, previous=maps)
        >>> metric.compute()
        {'drift': tensor(0.), 'overlap': tensor(1.)}
    """

    values = ("drift", "overlap")

    def update(self, maps: Tensor, previous: Tensor) -> None:
        """Add maps (N, H, W) and the previous maps of the same images, of the same shape.

        Raises:
            ValueError: If the shapes differ, or a map is not finite.
        """
        if maps.shape != previous.shape:
            raise ValueError(f"maps {tuple(maps.shape)} and previous {tuple(previous.shape)} must have one shape")
        check_finite(torch.stack([maps, previous], dim=1))
        has_evidence = ~(are_constant(maps) & are_constant(previous))
        if len(maps) > 0:
            drift, overlap = 1 - rank_correlation(maps, previous), top_overlap(maps, previous)
            self.add(drift=drift, overlap=overlap, counted=has_evidence)


def _highest(maps: Tensor, share: float) -> Tensor:
    threshold = percentile(maps.flatten(1), 100 * (1 - share))[:, None, None]
    return (maps > 0) & (maps >= threshold)
