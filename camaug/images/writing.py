"""Images as files in memory."""

from __future__ import annotations

import io

import torch
from PIL import Image
from torch import Tensor

__all__ = ["as_pil", "jpeg_bytes", "png_bytes"]


def as_pil(picture: Tensor) -> Image.Image:
    """A picture (3, H, W) in [0, 1] as Pillow's."""
    return Image.fromarray((picture.clamp(0, 1) * 255).round().to(torch.uint8).permute(1, 2, 0).contiguous().numpy())


def png_bytes(picture: Tensor) -> bytes:
    """A picture (3, H, W) in [0, 1] as a PNG file."""
    return _encoded(as_pil(picture), "PNG")


def jpeg_bytes(picture: Tensor, quality: int = 85, largest_side: int | None = None) -> bytes:
    """A picture (3, H, W) in [0, 1] as a JPEG file, made smaller so that no side is longer than the largest."""
    image = as_pil(picture)
    if largest_side is not None:
        image.thumbnail((largest_side, largest_side))  # which never enlarges
    return _encoded(image, "JPEG", quality=quality)


def _encoded(image: Image.Image, kind: str, **settings: int) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **settings)
    return file.getvalue()
