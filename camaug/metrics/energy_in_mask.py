"""Energy of heatmaps inside object masks: the energy-based pointing game."""

from __future__ import annotations

import torch
from torch import Tensor

from camaug.metrics.checks import check_masks
from camaug.metrics.mean_over_images import MeanOverImages

__all__ = ["EnergyInMask", "energy_in_mask"]


def energy_in_mask(maps: Tensor, masks: Tensor) -> Tensor:
    """Compute the share of each map's energy, the sum of its values, that lies inside its mask.

    Wang et al. 2020, Score-CAM (arXiv 1910.01279), section 4.3. The share of an empty map is 0.

    Args:
        maps: (N, H, W), at least 0.
        masks: Masks of the objects, boolean (N, H, W).

    Returns:
        (N,), in [0, 1].

    Example:
        >>> energy_in_mask(torch.tensor([[[1.0, 3.0]]]), torch.tensor([[[False, True]]]))
        tensor([0.7500])
    """
    total = maps.sum(dim=(1, 2))
    return (maps * masks).sum(dim=(1, 2)) / torch.where(total > 0, total, 1)


class EnergyInMask(MeanOverImages):
    """Mean share of the maps' energy inside the object masks, with the share by chance.

    ``compute`` returns ``energy``, the mean share, and ``area``, the mean share of the image that the mask covers,
    which a uniform map reaches; both in [0, 1].

    Args:
        **kwargs: Arguments of TorchMetrics' ``Metric``.

    Example:
        >>> metric = EnergyInMask()
        >>> metric.update(torch.tensor([[[0.0, 2.0]]]), torch.tensor([[[False, True]]]))
        >>> metric.compute()
        {'energy': tensor(1.), 'area': tensor(0.5000)}
    """

    values = ("energy", "area")

    def update(self, maps: Tensor, masks: Tensor) -> None:
        """Add maps (N, H, W) and boolean masks of the same shape.

        Raises:
            ValueError: If the shapes differ, or a mask is empty. Images without an object must be left out.
        """
        check_masks(masks, maps)
        self.add(energy=energy_in_mask(maps, masks), area=masks.float().mean(dim=(1, 2)))
