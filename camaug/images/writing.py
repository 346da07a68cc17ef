"""Image files in memory."""

from __future__ import annotations

import io

import torch
from PIL import Image
from torch import Tensor

__all__ = ["as_pil", "jpeg_bytes", "png_bytes"]


def as_pil(image: Tensor) -> Image.Image:
    """Convert an image (3, H, W) in [0, 1] to a PIL image."""
    return Image.fromarray((image.clamp(0, 1) * 255).round().to(torch.uint8).permute(1, 2, 0).contiguous().numpy())


def png_bytes(image: Tensor) -> bytes:
    """Encode an image (3, H, W) in [0, 1] as a PNG file."""
    return _encode(as_pil(image), "PNG")


def jpeg_bytes(image: Tensor, quality: int = 85, largest_side: int | None = None) -> bytes:
    """Encode an image (3, H, W) in [0, 1] as a JPEG file, shrunk if a side is longer than ``largest_side``."""
    pil_image = as_pil(image)
    if largest_side is not None:
        pil_image.thumbnail((largest_side, largest_side))  # never enlarges
    return _encode(pil_image, "JPEG", quality=quality)


def _encode(image: Image.Image, file_format: str, **settings: int) -> bytes:
    file = io.BytesIO()
    image.save(file, file_format, **settings)
    return file.getvalue()
