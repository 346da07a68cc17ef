"""Pixels that replace a hidden region."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

__all__ = ["Fill", "fill_images"]

Fill = Literal["blur", "mean", "noise", "image"]


def fill_images(images: Tensor, fill: Fill, blur: Callable[[Tensor], Tensor], seed: int = 0) -> Tensor:
    """Return images of which parts may replace the same parts of the given images.

    Args:
        images: (N, C, H, W).
        fill: ``blur``: the blurred image; ``mean``: its mean colour; ``noise``: normal noise with the mean and the
            standard deviation of each of its channels; ``image``: the image before it in the batch,
            or the mean colour for a single image.
        blur: Blur from images to images of the same shape.
        seed: Seed of the noise. On another kind of device the same seed gives other noise.

    Returns:
        (N, C, H, W), in the images' dtype.

    Example:
        >>> fill_images(torch.tensor([[[[0.0, 1.0, 2.0]]]]), "mean", blur=torch.nn.Identity())
        tensor([[[[1., 1., 1.]]]])
    """
    if fill == "blur":
        return blur(images)
    if fill == "image" and len(images) > 1:
        return images.roll(1, dims=0)
    pixels = images.float()
    mean = pixels.mean(dim=(2, 3), keepdim=True)
    if fill == "noise":
        generator = torch.Generator(images.device).manual_seed(seed)
        noise = torch.randn(images.shape, generator=generator, device=images.device, dtype=torch.float32)
        mean = mean + noise * pixels.std(dim=(2, 3), keepdim=True, correction=0)
    return mean.expand_as(images).to(images.dtype)
