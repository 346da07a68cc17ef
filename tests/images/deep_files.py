"""Files of more than 8 bits, which Pillow does not write."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np

COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}


def ramp(last: int, count: int = 16, height: int = 4) -> np.ndarray:
    """Return an image (height, count) that rises from 0 to the last value in equal steps, uint16."""
    return np.tile(np.linspace(0, last, count).astype(np.uint16), (height, 1))


def write_png16(path: Path, pixels: np.ndarray) -> Path:
    """Write pixels (H, W, C), uint16, as a PNG of grey, grey and alpha, RGB or RGBA."""
    height, width, channels = pixels.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    header = struct.pack(">IIBBBBB", width, height, 16, COLOUR_TYPES[channels], 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, content) for name, content in chunks))
    return path


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
