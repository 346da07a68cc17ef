"""The model's input from one image of any kind."""

from __future__ import annotations

import os
import warnings
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor
from torchvision.transforms.v2.functional import to_pil_image

from camaug.images.dark_images import describe_dark_images, is_dark
from camaug.images.eight_bits import ValueRange, to_eight_bits
from camaug.images.loading import load_image, upright_rgb
from camaug.images.preprocessing import Preprocessing

__all__ = ["model_input"]

HIGHEST_NORMALISED = 16  # normalised images stay far below, pixel values from 0 to 255 go far beyond


def model_input(image: Any, preprocessing: Preprocessing) -> tuple[Tensor, bool]:
    """Convert an image to the model's input.

    Args:
        image: A PIL image, a path, an array (H, W) or (H, W, C), or a tensor (C, H, W) or (1, C, H, W), of uint8 or
            ready floats.
        preprocessing: The model's preprocessing, with the values of black and white in images of more than 8 bits.

    Returns:
        The input (1, C, H, W), and True if the image was transformed, False if it was ready.

    Raises:
        TypeError: If the image has another type.
        ValueError: If a tensor or array has another shape or type or values that are not finite, or the transform does
            not return a float tensor.
        OSError: If the file cannot be read.
    """
    value_range = preprocessing.value_range
    if isinstance(image, Tensor):
        image = _one_image(image)
        if image.is_floating_point():
            _check_values(image)
            return image.detach()[None], False
        image = to_pil_image(image.cpu())
    elif isinstance(image, np.ndarray):
        _warn_if_dark(image, value_range)
        image = _from_array(image, value_range)
    elif isinstance(image, str | os.PathLike):
        path = os.fspath(image)
        image = load_image(path, value_range)
        if sentence := describe_dark_images([path], value_range):
            warnings.warn(sentence, stacklevel=3)
    if not isinstance(image, Image.Image):
        raise TypeError(f"`image` must be a PIL image, a path, an array or a tensor, got {type(image).__name__}")
    pixels = preprocessing.transform(upright_rgb(image, value_range))
    if not isinstance(pixels, Tensor) or pixels.dim() != 3 or not pixels.is_floating_point():
        given = (
            f"{pixels.dtype} of shape {tuple(pixels.shape)}" if isinstance(pixels, Tensor) else type(pixels).__name__
        )
        raise ValueError(f"`transform` must turn a PIL image into a float tensor (C, H, W), it returns {given}")
    return pixels[None], True


def _one_image(image: Tensor) -> Tensor:
    """Return one image (C, H, W) of floats, or of uint8 with 1, 3 or 4 channels."""
    given = f"{image.dtype} of shape {tuple(image.shape)}"
    expected = "expected (C, H, W) or (1, C, H, W), floats as the model expects them or uint8 pixels"
    if image.dim() == 4 and len(image) == 1:
        image = image[0]
    if image.dim() != 3 or 0 in image.shape:
        raise ValueError(f"`image` is a tensor of {given}, {expected}: give one image, or call the explainer")
    if not image.is_floating_point() and (image.dtype != torch.uint8 or image.shape[0] not in (1, 3, 4)):
        raise ValueError(f"`image` is a tensor of {given}, {expected} with 1, 3 or 4 channels")
    return image


def _check_values(image: Tensor) -> None:
    broken = int((~image.isfinite()).sum())
    if broken:
        raise ValueError(f"`image` holds {broken} values that are NaN or infinite, of {image.numel()}")
    if image.min() >= 0 and image.max() > HIGHEST_NORMALISED:
        warnings.warn(
            f"`image` has values up to {float(image.max()):g}, and a float tensor is the model's input as it is: give "
            "pixels from 0 to 255 as uint8, which are normalised for the model",
            stacklevel=4,
        )


def _warn_if_dark(image: npt.NDArray[Any], value_range: ValueRange | None) -> None:
    if value_range is None and image.size and is_dark(image):
        warnings.warn(
            f"`image` has {image.dtype} values up to {image.max()}, where 65535 is white, and is nearly black: give "
            "the value of white, value_range=(0, 4095) for 12 bits, or 8-bit pixels as uint8",
            stacklevel=4,
        )


def _from_array(image: npt.NDArray[Any], value_range: ValueRange | None) -> Image.Image:
    """Convert an array (H, W) or (H, W, C) to a PIL image."""
    is_image = image.ndim == 2 or (image.ndim == 3 and image.shape[2] in (1, 3, 4))
    if not is_image or image.size == 0 or image.dtype.kind not in "uif":
        raise ValueError(
            f"`image` is an array of {image.dtype} of shape {image.shape}, expected pixels (H, W), (H, W, 3) or "
            "(H, W, 4): uint8, other integers up to 65535, or floats from 0 to 1"
        )
    if not np.isfinite(image).all():
        raise ValueError(f"`image` holds {int((~np.isfinite(image)).sum())} values that are NaN or infinite")
    if image.dtype != np.uint8:
        image = to_eight_bits(image, value_range)
    return Image.fromarray(image[:, :, 0] if image.ndim == 3 and image.shape[2] == 1 else image)
