"""Attention to the same position in every image, as to a watermark in a corner."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torchmetrics import Metric

from camaug.functional.rank_correlation import centred_ranks
from camaug.metrics.checks import check_finite

__all__ = ["PositionBias", "position_bias"]

GRID = 16  # finer than most feature maps, and the same for images of every size
_MIRRORED = ((0,), (1,), (0, 1))
_ROWS, _COLUMNS = ("top", "middle", "bottom"), ("left", "centre", "right")


def position_bias(maps: Tensor) -> Tensor:
    """Compute how much more alike the maps of different images are than they are to each other's mirror images.

    It is the mean rank correlation of the maps of two images, minus the highest of the mean rank correlations of the
    map of one image with the map of another, mirrored left and right, up and down, or both. Maps in the centre, or
    always in the lower half, where objects stand, are as similar to mirrored maps: they have about 0, as have maps
    that follow objects at varying positions. The same corner in every image has up to 2. A frame, or a mark on the
    vertical or horizontal axis of the image, is symmetric, too, and is not found.

    Args:
        maps: Maps of N images, at least two, (N, H, W). They are averaged over a grid of 16 × 16 cells.

    Returns:
        A scalar, in [-2, 2].

    Raises:
        ValueError: If there are fewer than two maps.

    Example:
        >>> corner = torch.zeros(3, 16, 16)
        >>> corner[:, :4, :4] = 1
        >>> centre = corner.roll((6, 6), (1, 2))
        >>> [round(float(position_bias(maps)), 2) for maps in (corner, centre)]
        [1.07, 0.0]
    """
    metric = PositionBias(sync_on_compute=False).to(maps.device)
    metric.update(maps)
    return metric.compute()["position_bias"]


class PositionBias(Metric):
    """Attention to the same position in every image, beyond what mirrored maps have in common.

    ``compute`` returns ``position_bias``, a value of all images together (:func:`position_bias`), in [-2, 2]. Lower is
    better.

    Args:
        **kwargs: Arguments of TorchMetrics' ``Metric``.

    Example:
        >>> metric = PositionBias()
        >>> metric.update(torch.eye(16).expand(2, 16, 16))
        >>> metric.compute()
        {'position_bias': tensor(0.)}
    """

    full_state_update = False
    higher_is_better = False
    total: Tensor
    own: Tensor
    count: Tensor

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.add_state("total", torch.zeros(GRID, GRID, dtype=torch.float32), dist_reduce_fx="sum")
        self.add_state("own", torch.zeros(1 + len(_MIRRORED)), dist_reduce_fx="sum")
        self.add_state("count", torch.tensor(0), dist_reduce_fx="sum")

    def update(self, maps: Tensor) -> None:
        """Add maps (N, H, W).

        Raises:
            ValueError: If the shape is another, or a map is not finite.
        """
        if maps.dim() != 3:
            raise ValueError(f"`maps` must be (N, H, W), got {tuple(maps.shape)}")
        check_finite(maps)
        ranks = _unit_ranks(F.adaptive_avg_pool2d(maps.float()[:, None], GRID)[:, 0])
        self.total += ranks.sum(dim=0)
        self.own += torch.stack([(ranks * other).sum() for other in _with_mirrored(ranks)])
        self.count += len(maps)

    def compute(self) -> dict[str, Tensor]:
        """Compute the value.

        Raises:
            ValueError: If there were fewer than two images.
        """
        if int(self.count) < 2:
            raise ValueError(f"{type(self).__name__} compares the maps of two or more images, got {int(self.count)}")
        # The sum over all pairs of images, without those of an image with itself.
        products = torch.stack([(self.total * other).sum() for other in _with_mirrored(self.total)])
        correlations = (products - self.own) / (self.count * (self.count - 1))
        return {"position_bias": correlations[0] - correlations[1:].amax()}

    def describe_position(self) -> str:
        """Return the position at which the maps have most in common that mirrored maps have not: "bottom right"."""
        asymmetry = self.total - torch.stack(_with_mirrored(self.total)).mean(dim=0)
        row, column = divmod(int(asymmetry.argmax()), GRID)
        return f"{_ROWS[3 * row // GRID]} {_COLUMNS[3 * column // GRID]}"


def _unit_ranks(maps: Tensor) -> Tensor:
    """Return the ranks of each map's values, centred and of norm 1, or 0 for a constant map: (N, H, W)."""
    ranks = centred_ranks(maps)
    norms = ranks.norm(dim=1, keepdim=True)
    return (ranks / torch.where(norms > 0, norms, 1)).view_as(maps).float()


def _with_mirrored(maps: Tensor) -> list[Tensor]:
    """Return maps (..., H, W), and the same mirrored up and down, left and right, and both."""
    return [maps, *(maps.flip([axis - 2 for axis in axes]) for axes in _MIRRORED)]
