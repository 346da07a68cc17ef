"""Model inputs as RGB images for display."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from .bands import choose_bands
from .normalisation import Normalisation

__all__ = ["denormalise"]

LOWEST, HIGHEST = -1.0, 2.0  # values beyond are in another unit than the normalisation
PERCENTILES = (0.02, 0.98)


def denormalise(
    images: Tensor,
    mean: Sequence[float] | None,
    std: Sequence[float] | None,
    bands: Sequence[int] | None = None,
) -> Tensor:
    """Convert a model's normalised inputs to RGB images.

    An image whose normalisation is unknown, or of another unit, is stretched: from its smallest to its largest value,
    or, if it has neither one channel nor three, each displayed band from its 2nd to its 98th percentile.

    Args:
        images: (N, C, H, W), in any range.
        mean: The subtracted mean of each channel, in [0, 1] or in 8-bit values, or one for all channels. None if it is
            unknown.
        std: The standard deviation of each channel that the input was divided by, in the same forms.
        bands: Indices of the channels that become red, green and blue, or of one that becomes grey. None for the first
            three, or for the first of one or two.

    Returns:
        Images (N, 3, H, W), float32 in [0, 1], on the CPU.

    Raises:
        ValueError: If the number of means or standard deviations is not the number of channels, or a band is missing.
    """
    channels = images.shape[1]
    chosen = list(choose_bands(bands, channels))
    images = images.detach()[:, chosen].float().cpu()
    stretch = _stretch_jointly if channels in (1, 3) else _stretch_bands
    if mean is None or std is None:
        images = stretch(images)
    else:
        normalisation = Normalisation(tuple(mean), tuple(std))
        normalisation.check(channels)
        means, stds = (
            torch.tensor(list(values), device=images.device).expand(channels)[chosen].view(-1, 1, 1)
            for values in (mean, std)
        )
        images = (images * stds + means) / normalisation.white
        images = torch.where(_is_in_unit(images), images, stretch(images))
    return images.nan_to_num(0).clamp(0, 1).expand(-1, 3, -1, -1)


def _is_in_unit(images: Tensor) -> Tensor:
    """Return a boolean tensor (N, 1, 1, 1), False for images far from [0, 1]."""
    is_near = (images >= LOWEST) & (images <= HIGHEST) | ~images.isfinite()
    return is_near.flatten(1).all(dim=1).view(-1, 1, 1, 1)


def _stretch_jointly(images: Tensor) -> Tensor:
    finite = torch.where(images.isfinite(), images, 0)
    low, high = finite.amin(dim=(1, 2, 3), keepdim=True), finite.amax(dim=(1, 2, 3), keepdim=True)
    inside = (low >= 0) & (high <= 1)
    return torch.where(inside, images, (images - low) / (high - low).clamp(min=1e-12))


def _stretch_bands(images: Tensor) -> Tensor:
    ordered = torch.where(images.isfinite(), images, 0).flatten(2).sort(dim=2).values
    last = ordered.shape[2] - 1
    low, high = (ordered[..., round(share * last)][..., None, None] for share in PERCENTILES)
    return (images - low) / (high - low).clamp(min=1e-12)
