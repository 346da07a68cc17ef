"""Reproducible noise on images, independent of the batch."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from camaug.utils.copied_to import copied_to

__all__ = ["check_noise", "noisy_copies"]


def noisy_copies(images: Tensor, samples: int, noise: float, seed: int) -> Iterator[Tensor]:
    """Yield copies of a batch with Gaussian noise added, the same noise on every image.

    Args:
        images: (N, C, H, W).
        samples: Number of copies.
        noise: Standard deviation, as a share of each image's range of values.
        seed: Seed of the noise.

    Yields:
        Batches (N, C, H, W).
    """
    generator = torch.Generator().manual_seed(seed)
    spread = images.amax(dim=(1, 2, 3), keepdim=True) - images.amin(dim=(1, 2, 3), keepdim=True)
    for _ in range(samples):
        sample = torch.randn(images.shape[1:], dtype=torch.float32, generator=generator, device="cpu")
        yield images + noise * spread * copied_to(sample, images.device).to(images.dtype)


def check_noise(samples: int, noise: float) -> None:
    """Raise a ValueError unless there is at least one copy and the noise is not negative."""
    if samples < 1:
        raise ValueError(f"`samples` must be at least 1, got {samples}")
    if noise < 0:
        raise ValueError(f"`noise` is a share of an image's range and must be at least 0, got {noise}")
