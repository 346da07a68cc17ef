"""From a PIL image to a normalised tensor: the pipelines for training and for evaluation."""

from __future__ import annotations

import torch
from torchvision.transforms import v2

__all__ = ["IMAGENET_MEAN", "IMAGENET_STD", "eval_transform", "flip_transform", "tensor_transform", "train_transform"]

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)

Channels = tuple[float, float, float]


def train_transform(
    image_size: int, mean: Channels, std: Channels, crop_scale: tuple[float, float] = (0.35, 1.0), hflip: float = 0.5
) -> v2.Transform:
    """A random crop, mirrored at random.

    Args:
        image_size: side of the square result, in pixels.
        mean: mean of each channel of images in [0, 1].
        std: standard deviation of each channel of images in [0, 1].
        crop_scale: smallest and largest share of the image's area that a crop keeps.
        hflip: probability of mirroring left and right.

    Returns:
        A transform from a PIL image of any mode and size to a float32 tensor (3, image_size, image_size).

    Raises:
        ValueError: if `crop_scale`, `hflip` or a size or channel statistic is impossible.
    """
    smallest, largest = crop_scale
    if not 0 < smallest <= largest <= 1:
        raise ValueError(
            f"`crop_scale` is (smallest, largest) share of the area, 0 < smallest <= largest <= 1, got {crop_scale}"
        )
    _check_image_size(image_size)
    return v2.Compose(
        [
            v2.RGB(),
            v2.RandomResizedCrop(image_size, scale=crop_scale),
            _flip(hflip),
            tensor_transform(mean, std),
        ]
    )


def eval_transform(image_size: int, mean: Channels, std: Channels, crop_pct: float = 0.875) -> v2.Transform:
    """The middle of the image, the same every time.

    Args:
        image_size: side of the square result, in pixels.
        mean: mean of each channel of images in [0, 1].
        std: standard deviation of each channel of images in [0, 1].
        crop_pct: share of the shorter side that the middle crop keeps (timm's name); 0.875 is ImageNet's 224 of 256.

    Returns:
        A transform from a PIL image of any mode and size to a float32 tensor (3, image_size, image_size).

    Raises:
        ValueError: if `crop_pct` or a size or channel statistic is impossible.
    """
    if not 0 < crop_pct <= 1:
        raise ValueError(
            f"`crop_pct` is the share of the shorter side that is kept, above 0 and at most 1, got {crop_pct}"
        )
    _check_image_size(image_size)
    return v2.Compose(
        [
            v2.RGB(),
            v2.Resize(round(image_size / crop_pct)),
            v2.CenterCrop(image_size),
            tensor_transform(mean, std),
        ]
    )


def flip_transform(mean: Channels, std: Channels, hflip: float = 0.5) -> v2.Transform:
    """The whole image, mirrored at random; arguments and errors are those of `train_transform`."""
    return v2.Compose([_flip(hflip), tensor_transform(mean, std)])


def tensor_transform(mean: Channels, std: Channels) -> v2.Transform:
    """An RGB PIL image (H, W) to a normalised float32 tensor (3, H, W), geometry untouched.

    Args:
        mean: mean of each channel of images in [0, 1].
        std: standard deviation of each channel of images in [0, 1].

    Raises:
        ValueError: unless there are three means and three positive standard deviations.
    """
    if len(mean) != 3 or len(std) != 3 or min(std) <= 0:
        raise ValueError(f"`mean` and `std` are three numbers each (RGB), `std` above 0, got mean={mean}, std={std}")
    return v2.Compose([v2.PILToTensor(), v2.ToDtype(torch.float32, scale=True), v2.Normalize(list(mean), list(std))])


def _flip(probability: float) -> v2.Transform:
    if not 0 <= probability <= 1:
        raise ValueError(f"`hflip` is a probability, between 0 and 1, got {probability}")
    return v2.RandomHorizontalFlip(probability)


def _check_image_size(image_size: int) -> None:
    if image_size < 1:
        raise ValueError(f"`image_size` is the side of the images in pixels, at least 1, got {image_size}")
