"""The model's input from one image of any kind."""

from __future__ import annotations

import os
from typing import Any

import torch
from PIL import Image
from torch import Tensor
from torchvision.transforms.v2.functional import to_pil_image

from camaug.images.loading import load_image, upright_rgb
from camaug.images.preprocessing import Preprocessing

__all__ = ["model_input"]


def model_input(image: Any, preprocessing: Preprocessing) -> tuple[Tensor, bool]:
    """Convert an image to the model's input.

    Args:
        image: A PIL image, a path, or a tensor (C, H, W) or (1, C, H, W), of uint8 or ready floats.
        preprocessing: The model's preprocessing.

    Returns:
        The input (1, C, H, W), and True if the image was transformed, False if it was ready.

    Raises:
        TypeError: If the image has another type.
        ValueError: If a tensor has another shape or type, or the transform does not return a float tensor.
        OSError: If the file cannot be read.
    """
    if isinstance(image, Tensor):
        given = f"{image.dtype} of shape {tuple(image.shape)}"
        expected = "expected (C, H, W) or (1, C, H, W), floats as the model expects them or uint8 pixels"
        if image.dim() == 4 and len(image) == 1:
            image = image[0]
        if image.dim() != 3 or 0 in image.shape:
            raise ValueError(f"`image` is a tensor of {given}, {expected}: give one image, or call the explainer")
        if image.is_floating_point():
            return image.detach()[None], False
        if image.dtype != torch.uint8 or image.shape[0] not in (1, 3, 4):
            raise ValueError(f"`image` is a tensor of {given}, {expected} with 1, 3 or 4 channels")
        image = to_pil_image(image.cpu())
    if isinstance(image, str | os.PathLike):
        image = load_image(image)
    if not isinstance(image, Image.Image):
        raise TypeError(f"`image` must be a PIL image, a path or a tensor, got {type(image).__name__}")
    pixels = preprocessing.transform(upright_rgb(image))
    if not isinstance(pixels, Tensor) or pixels.dim() != 3 or not pixels.is_floating_point():
        given = (
            f"{pixels.dtype} of shape {tuple(pixels.shape)}" if isinstance(pixels, Tensor) else type(pixels).__name__
        )
        raise ValueError(f"`transform` must turn a PIL image into a float tensor (C, H, W), it returns {given}")
    return pixels[None], True
