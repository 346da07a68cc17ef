"""How much of a map's mass lies on the object."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric

from camaug.metrics.checks import check_masks, require_images

__all__ = ["EnergyInMask", "energy_in_mask"]


def energy_in_mask(maps: Tensor, masks: Tensor) -> Tensor:
    """The share of each map's mass that lies inside its mask: the energy-based pointing game.

    Wang et al. 2020, Score-CAM (arXiv 1910.01279), section 4.3. A map without mass counts as 0.

    Args:
        maps: (N, H, W), at least 0.
        masks: Where the object is, boolean (N, H, W).

    Returns:
        (N,), in [0, 1].

    Example:
        >>> energy_in_mask(torch.tensor([[[1.0, 3.0]]]), torch.tensor([[[False, True]]]))
        tensor([0.7500])
    """
    total = maps.sum(dim=(1, 2))
    return (maps * masks).sum(dim=(1, 2)) / torch.where(total > 0, total, 1)


class EnergyInMask(Metric):
    """The mean share of the maps' mass that lies on the object, beside the share by chance.

    ``compute`` gives ``energy``, the mean share, and ``area``, the mean share of the image that the mask covers, which
    is what a map that knows nothing gets; both in [0, 1].

    Args:
        **kwargs: Arguments of TorchMetrics' ``Metric``.

    Example:
        >>> metric = EnergyInMask()
        >>> metric.update(torch.tensor([[[0.0, 2.0]]]), torch.tensor([[[False, True]]]))
        >>> metric.compute()
        {'energy': tensor(1.), 'area': tensor(0.5000)}
    """

    full_state_update = False
    energy: Tensor
    area: Tensor
    count: Tensor

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.add_state("energy", torch.tensor(0.0), dist_reduce_fx="sum")
        self.add_state("area", torch.tensor(0.0), dist_reduce_fx="sum")
        self.add_state("count", torch.tensor(0), dist_reduce_fx="sum")

    def update(self, maps: Tensor, masks: Tensor) -> None:
        """Add maps (N, H, W) and boolean masks of the same shape.

        Raises:
            ValueError: If the shapes differ, or a mask is empty: an image without an object has no place for the mass,
                and must be left out knowingly.
        """
        check_masks(masks, maps)
        self.energy += energy_in_mask(maps, masks).sum()
        self.area += masks.float().mean(dim=(1, 2)).sum()
        self.count += len(maps)

    def compute(self) -> dict[str, Tensor]:
        """The figures over all images.

        Raises:
            ValueError: If there were none.
        """
        require_images(self, self.count)
        return {"energy": self.energy / self.count, "area": self.area / self.count}
