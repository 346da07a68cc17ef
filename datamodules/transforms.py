"""Transforms from a PIL image to a normalised tensor, for training and for evaluation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torchvision.transforms import v2

from camaug.images.preprocessing import Channels, check_image_size, eval_transform, tensor_transform
from camaug.images.to_rgb import ToRGB

__all__ = ["TransformPair", "crop_transforms", "flip_transforms", "train_transform", "whole_transform"]


@dataclass(frozen=True)
class TransformPair:
    """Transforms of training and evaluation, and the settings that they share.

    Attributes:
        train: Transform from a PIL image to a float32 tensor (3, H, W), for training.
        evaluation: Transform from a PIL image to a float32 tensor (3, H, W), for everything else.
        image_size: Side of the square images in pixels.
        mean: Mean of each channel of images in [0, 1], as the transforms subtract it.
        std: Standard deviation of each channel of images in [0, 1], as the transforms divide by it.
        crop_pct: Share of the shorter side that the centre crop of evaluation keeps; None without a centre crop.
    """

    train: Callable[[Any], torch.Tensor]
    evaluation: Callable[[Any], torch.Tensor]
    image_size: int
    mean: Channels
    std: Channels
    crop_pct: float | None = None


def crop_transforms(
    image_size: int,
    mean: Channels,
    std: Channels,
    crop_scale: tuple[float, float],
    hflip: float,
    crop_pct: float | None,
) -> TransformPair:
    """Return a random crop for training, and for evaluation a centre crop, or the whole image without `crop_pct`.

    Raises:
        ValueError: If an argument is impossible.
    """
    if crop_pct is None:
        evaluation = whole_transform(image_size, mean, std)
    else:
        evaluation = eval_transform(image_size, mean, std, crop_pct)
    return TransformPair(
        train_transform(image_size, mean, std, crop_scale, hflip), evaluation, image_size, mean, std, crop_pct
    )


def flip_transforms(image_size: int, mean: Channels, std: Channels) -> TransformPair:
    """Return transforms of images that are of the right size already: training mirrors half of them.

    Raises:
        ValueError: If a channel statistic is impossible.
    """
    evaluation = tensor_transform(mean, std)
    return TransformPair(v2.Compose([v2.RandomHorizontalFlip(), evaluation]), evaluation, image_size, mean, std)


def train_transform(
    image_size: int, mean: Channels, std: Channels, crop_scale: tuple[float, float] = (0.35, 1.0), hflip: float = 0.5
) -> v2.Transform:
    """Return a random crop that is mirrored at random.

    Args:
        image_size: Side of the square result in pixels.
        mean: Mean of each channel of images in [0, 1].
        std: Standard deviation of each channel of images in [0, 1].
        crop_scale: Smallest and largest share of the image's area that a crop keeps.
        hflip: Probability of mirroring left and right.

    Returns:
        A transform from a PIL image of any mode and size to a float32 tensor (3, image_size, image_size).

    Raises:
        ValueError: If `crop_scale`, `hflip` or a size or channel statistic is impossible.
    """
    smallest, largest = crop_scale
    if not 0 < smallest <= largest <= 1:
        raise ValueError(
            f"`crop_scale` is (smallest, largest) share of the area, 0 < smallest <= largest <= 1, got {crop_scale}"
        )
    if not 0 <= hflip <= 1:
        raise ValueError(f"`hflip` is a probability, between 0 and 1, got {hflip}")
    check_image_size(image_size)
    crop = v2.RandomResizedCrop(image_size, scale=crop_scale)
    return v2.Compose([ToRGB(), crop, v2.RandomHorizontalFlip(hflip), tensor_transform(mean, std)])


def whole_transform(image_size: int, mean: Channels, std: Channels) -> v2.Transform:
    """Return a resize of the whole image to a square, which changes its proportions and cuts nothing off.

    Args:
        image_size: Side of the square result in pixels.
        mean: Mean of each channel of images in [0, 1].
        std: Standard deviation of each channel of images in [0, 1].

    Returns:
        A transform from a PIL image of any mode and size to a float32 tensor (3, image_size, image_size).

    Raises:
        ValueError: If a size or channel statistic is impossible.
    """
    check_image_size(image_size)
    return v2.Compose([ToRGB(), v2.Resize((image_size, image_size)), tensor_transform(mean, std)])
