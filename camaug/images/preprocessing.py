"""Evaluation transforms from a PIL image to a model's normalised input."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn
from torchvision.transforms import v2

from .eight_bits import ValueRange
from .normalisation import read_normalisation
from .to_rgb import ToRGB

__all__ = [
    "IMAGENET_MEAN",
    "IMAGENET_STD",
    "Channels",
    "Preprocessing",
    "check_image_size",
    "eval_transform",
    "model_preprocessing",
    "tensor_transform",
]

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)

SETTINGS = {"image_size", "mean", "std", "crop_pct"}

Channels = tuple[float, float, float]


@dataclass(frozen=True)
class Preprocessing:
    """Transform from images to a model's inputs, and its settings.

    Attributes:
        transform: From a PIL image to a float tensor (3, H, W).
        mean: Mean of each channel that the transform subtracts, or None if it is not known.
        std: Standard deviation of each channel that the transform divides by, or None if it is not known.
        settings: The transform's settings, in JSON's types.
        value_range: Values of black and white in image files of more than 8 bits, or None.
    """

    transform: Callable[[Any], Tensor]
    mean: tuple[float, ...] | None
    std: tuple[float, ...] | None
    settings: dict[str, Any] = field(default_factory=dict)
    value_range: ValueRange | None = None

    @classmethod
    def of(cls, transform: Callable[[Any], Tensor]) -> Preprocessing:
        """Describe a custom transform."""
        mean, std = read_normalisation(transform)
        return cls(transform, mean, std, {"transform": str(transform)})

    def with_value_range(self, value_range: ValueRange | None) -> Preprocessing:
        """Return the preprocessing with another range for image files of more than 8 bits, or the same for None."""
        if value_range is None:
            return self
        return replace(self, value_range=value_range, settings=self.settings | {"value_range": value_range})


def model_preprocessing(model: nn.Module) -> Preprocessing:
    """Return the evaluation transform that belongs to a model.

    It is the first of these that the model, or a module inside it, has:

    1. the attribute ``preprocessing`` of a trained ``ImageClassifier``: a dict of ``image_size``, ``mean``, ``std``,
       ``crop_pct`` and, for images of more than 8 bits, ``value_range``;
    2. timm's configuration;
    3. ImageNet's standard: the shorter side resized to 256 pixels, the centre 224 × 224, ImageNet's normalisation.

    Args:
        model: The classifier.

    Example:
        >>> import torchvision
        >>> model_preprocessing(torchvision.models.squeezenet1_0()).settings["image_size"]
        224
    """
    for module in model.modules():
        settings = getattr(module, "preprocessing", None)
        if isinstance(settings, Mapping) and set(settings) - {"value_range"} == SETTINGS:
            return _standard(**settings)
    for module in model.modules():
        config = getattr(module, "pretrained_cfg", None)
        if isinstance(config, Mapping) and "input_size" in config:
            return _timm(module)
    return _standard()


def eval_transform(image_size: int, mean: Channels, std: Channels, crop_pct: float = 0.875) -> v2.Transform:
    """Return the transform that resizes an image, crops its centre and normalises it.

    Args:
        image_size: Side of the square result, in pixels.
        mean: Mean of each channel of images in [0, 1].
        std: Standard deviation of each channel of images in [0, 1].
        crop_pct: Share of the shorter side that the centre crop keeps (timm's name). 0.875 is ImageNet's 224 of 256.

    Returns:
        A transform from a PIL image of any mode and size to a float32 tensor (3, image_size, image_size).

    Raises:
        ValueError: If `crop_pct` or a size or channel statistic is impossible.
    """
    if not 0 < crop_pct <= 1:
        raise ValueError(
            f"`crop_pct` is the share of the shorter side that is kept, above 0 and at most 1, got {crop_pct}"
        )
    check_image_size(image_size)
    return v2.Compose(
        [
            ToRGB(),
            v2.Resize(round(image_size / crop_pct)),
            v2.CenterCrop(image_size),
            tensor_transform(mean, std),
        ]
    )


def tensor_transform(mean: Channels, std: Channels) -> v2.Transform:
    """Return the transform from an RGB PIL image (H, W) to a normalised float32 tensor (3, H, W) of the same size.

    Args:
        mean: Mean of each channel of images in [0, 1].
        std: Standard deviation of each channel of images in [0, 1].

    Raises:
        ValueError: Unless there are three means and three positive standard deviations.
    """
    if len(mean) != 3 or len(std) != 3 or min(std) <= 0:
        raise ValueError(f"`mean` and `std` are three numbers each (RGB), `std` above 0, got mean={mean}, std={std}")
    return v2.Compose([v2.PILToTensor(), v2.ToDtype(torch.float32, scale=True), v2.Normalize(list(mean), list(std))])


def check_image_size(image_size: int) -> None:
    """Raise a ValueError unless the image size is positive."""
    if image_size < 1:
        raise ValueError(f"`image_size` is the side of the images in pixels, at least 1, got {image_size}")


def _standard(
    image_size: int = 224,
    mean: Channels = IMAGENET_MEAN,
    std: Channels = IMAGENET_STD,
    crop_pct: float = 0.875,
    value_range: ValueRange | None = None,
) -> Preprocessing:
    settings = {"image_size": image_size, "mean": list(mean), "std": list(std), "crop_pct": crop_pct}
    transform = eval_transform(image_size, mean, std, crop_pct)
    return Preprocessing(transform, tuple(mean), tuple(std), settings).with_value_range(value_range)


def _timm(model: nn.Module) -> Preprocessing:
    from timm.data.config import resolve_data_config
    from timm.data.transforms_factory import create_transform

    config: dict[str, Any] = resolve_data_config({}, model=model)  # type: ignore[no-untyped-call]
    settings = {name: list(value) if isinstance(value, tuple) else value for name, value in config.items()}
    return Preprocessing(create_transform(**config), tuple(config["mean"]), tuple(config["std"]), settings)
