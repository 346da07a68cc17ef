"""Transparent images on a white background."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

__all__ = ["over_white", "pixels_over_white"]


def over_white(image: Image.Image) -> Image.Image:
    """Convert an image to RGB, with white where it is transparent.

    What a transparent pixel hides is mostly black, and a drawing on a transparent background would turn black as a
    whole.

    Args:
        image: An image of any mode of Pillow with 8 bits for each value.

    Example:
        >>> icon = Image.new("RGBA", (1, 1), (0, 0, 0, 0))
        >>> over_white(icon).getpixel((0, 0)), icon.convert("RGB").getpixel((0, 0))
        ((255, 255, 255), (0, 0, 0))
    """
    if not image.has_transparency_data:
        return image.convert("RGB")
    if image.mode == "La":  # which Pillow converts to nothing else
        image = image.convert("LA")
    image = image.convert("RGBA")
    white = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(white, image).convert("RGB")


def pixels_over_white(colours: npt.NDArray[np.uint8], alpha: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """Blend 8-bit colours (H, W, 3) with white by their opacity (H, W) in [0, 255].

    Example:
        >>> pixels_over_white(np.zeros((1, 3, 1), np.uint8), np.array([[0, 128, 255]]))[0, :, 0].tolist()
        [255, 127, 0]
    """
    opacity = alpha[..., None].astype(np.uint32)
    blended: npt.NDArray[np.uint8] = ((colours * opacity + 255 * (255 - opacity) + 127) // 255).astype(np.uint8)
    return blended
