"""How much the maps of the same images changed since the last look."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric

from camaug.functional.rank_correlation import rank_correlation
from camaug.metrics.checks import check_finite, require_images

__all__ = ["Drift", "rank_correlation", "top_overlap"]


def top_overlap(maps: Tensor, previous: Tensor, share: float = 0.2) -> Tensor:
    """Intersection over union of the highest places of each map and of its predecessor.

    A place is among the highest if its value is above 0 and at least the (1 - ``share``)-quantile of its map. Two
    maps without any agree (1).

    Args:
        maps: (N, H, W), at least 0.
        previous: (N, H, W), at least 0.
        share: Share of the places that are the highest.

    Returns:
        (N,), in [0, 1].
    """
    tops, before = (_top(each.flatten(1).float(), share) for each in (maps, previous))
    union = (tops | before).sum(dim=1)
    return torch.where(union > 0, (tops & before).sum(dim=1) / union.clamp(min=1), 1.0)


class Drift(Metric):
    """How much the maps of the same images changed, averaged over images.

    The paper reads Group-CAM's maps as a hint of convergence (arXiv 2103.13859, section 5): when they stop changing,
    the model has probably converged.

    ``compute`` gives ``drift``, 1 minus the mean rank correlation, in [0, 2] with 0 for no change, and ``overlap``,
    the mean intersection over union of the highest 20 % of the places, in [0, 1] with 1 for no change.

    Args:
        **kwargs: Arguments of TorchMetrics' ``Metric``.

    Example:
        >>> metric = Drift()
        >>> maps = torch.rand(4, 8, 8)
        >>> metric.update(maps, previous=maps)
        >>> metric.compute()
        {'drift': tensor(0.), 'overlap': tensor(1.)}
    """

    full_state_update = False
    correlation: Tensor
    overlap: Tensor
    count: Tensor

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.add_state("correlation", torch.tensor(0.0), dist_reduce_fx="sum")
        self.add_state("overlap", torch.tensor(0.0), dist_reduce_fx="sum")
        self.add_state("count", torch.tensor(0), dist_reduce_fx="sum")

    def update(self, maps: Tensor, previous: Tensor) -> None:
        """Add maps (N, H, W) and what they were at the last look, of the same shape.

        Raises:
            ValueError: If the shapes differ, or a map is not finite.
        """
        if maps.shape != previous.shape:
            raise ValueError(f"maps {tuple(maps.shape)} and previous {tuple(previous.shape)} must have one shape")
        check_finite(maps)
        check_finite(previous)
        self.correlation += rank_correlation(maps, previous).sum()
        self.overlap += top_overlap(maps, previous).sum()
        self.count += len(maps)

    def compute(self) -> dict[str, Tensor]:
        """The figures over all images.

        Raises:
            ValueError: If there were none.
        """
        require_images(self, self.count)
        return {"drift": 1 - self.correlation / self.count, "overlap": self.overlap / self.count}


def _top(values: Tensor, share: float) -> Tensor:
    return (values > 0) & (values >= values.quantile(1 - share, dim=1, keepdim=True))
