"""Energy of heatmaps at the border of the image."""

from __future__ import annotations

import torch
from torch import Tensor

from camaug.metrics.checks import check_finite
from camaug.metrics.mean_over_images import MeanOverImages

__all__ = ["BORDER", "BorderEnergy", "border_area", "border_energy"]

BORDER = 0.1
"""Width of the border as a share of each side."""


def border_energy(maps: Tensor) -> Tensor:
    """Compute the share of each map's energy, the sum of its values, in the outer tenth of each side.

    A uniform map has the border's share of the area, 0.36 (:func:`border_area`). The share of an empty map is 0.

    Args:
        maps: (N, H, W), at least 0.

    Returns:
        (N,), in [0, 1].

    Example:
        >>> maps = torch.zeros(2, 10, 10)
        >>> maps[0, 0, 0], maps[1, 5, 5] = 1, 1
        >>> border_energy(maps)
        tensor([1., 0.])
    """
    total = maps.sum(dim=(1, 2))
    return (maps * _border(maps)).sum(dim=(1, 2)) / torch.where(total > 0, total, 1)


def border_area(height: int, width: int) -> float:
    """Return the border's share of an image's area.

    Example:
        >>> round(border_area(10, 10), 2)
        0.36
    """
    return 1 - (1 - 2 * _width(height) / height) * (1 - 2 * _width(width) / width)


class BorderEnergy(MeanOverImages):
    """Mean share of the maps' energy at the border, with the share by chance.

    ``compute`` returns ``border_energy``, the mean share, and ``border_area``, the border's share of the image, which a
    uniform map reaches; both in [0, 1]. Lower is better.

    Args:
        **kwargs: Arguments of TorchMetrics' ``Metric``.

    Example:
        >>> metric = BorderEnergy()
        >>> metric.update(torch.ones(2, 10, 10))
        >>> metric.compute()
        {'border_energy': tensor(0.3600), 'border_area': tensor(0.3600)}
    """

    higher_is_better = False
    values = ("border_energy", "border_area")

    def update(self, maps: Tensor) -> None:
        """Add maps (N, H, W).

        Raises:
            ValueError: If a value is NaN or infinite.
        """
        check_finite(maps)
        area = maps.new_full((len(maps),), border_area(*maps.shape[1:]), dtype=torch.float32)
        self.add(border_energy=border_energy(maps.float()), border_area=area)


def _border(maps: Tensor) -> Tensor:
    """Return the border as a mask (H, W)."""
    height, width = maps.shape[1:]
    mask = torch.ones(height, width, device=maps.device, dtype=maps.dtype)
    rows, columns = _width(height), _width(width)
    mask[rows : height - rows, columns : width - columns] = 0
    return mask


def _width(side: int) -> int:
    return max(1, round(BORDER * side))
