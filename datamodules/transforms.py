"""From a PIL image to a normalised tensor: the pipelines for training and for evaluation."""

from __future__ import annotations

from torchvision.transforms import v2

from camaug.images.preprocessing import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    Channels,
    check_image_size,
    eval_transform,
    tensor_transform,
)

__all__ = [
    "IMAGENET_MEAN",
    "IMAGENET_STD",
    "Channels",
    "eval_transform",
    "flip_transform",
    "tensor_transform",
    "train_transform",
    "whole_transform",
]


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
    check_image_size(image_size)
    return v2.Compose(
        [
            v2.RGB(),
            v2.RandomResizedCrop(image_size, scale=crop_scale),
            _flip(hflip),
            tensor_transform(mean, std),
        ]
    )


def flip_transform(mean: Channels, std: Channels, hflip: float = 0.5) -> v2.Transform:
    """The whole image, mirrored at random; arguments and errors are those of `train_transform`."""
    return v2.Compose([_flip(hflip), tensor_transform(mean, std)])


def whole_transform(image_size: int, mean: Channels, std: Channels) -> v2.Transform:
    """The whole image, made square by giving up its proportions: nothing of it is cut off.

    Args:
        image_size: Side of the square result, in pixels.
        mean: Mean of each channel of images in [0, 1].
        std: Standard deviation of each channel of images in [0, 1].

    Returns:
        A transform from a PIL image of any mode and size to a float32 tensor (3, image_size, image_size).

    Raises:
        ValueError: If a size or channel statistic is impossible.
    """
    check_image_size(image_size)
    return v2.Compose([v2.RGB(), v2.Resize((image_size, image_size)), tensor_transform(mean, std)])


def _flip(probability: float) -> v2.Transform:
    if not 0 <= probability <= 1:
        raise ValueError(f"`hflip` is a probability, between 0 and 1, got {probability}")
    return v2.RandomHorizontalFlip(probability)
