"""Files that appear whole or not at all."""

from __future__ import annotations

import io
import os
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

__all__ = ["png_bytes", "write_whole"]


def png_bytes(picture: Tensor) -> bytes:
    """A picture (3, H, W) in [0, 1] as a PNG file."""
    pixels = (picture.clamp(0, 1) * 255).round().to(torch.uint8).permute(1, 2, 0).contiguous().numpy()
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def write_whole(path: Path, content: bytes) -> None:
    """Write a file that is never seen half written: beside its place first, under a name of this process alone."""
    waiting = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        waiting.write_bytes(content)
        waiting.replace(path)
    except OSError:
        waiting.unlink(missing_ok=True)
        raise
