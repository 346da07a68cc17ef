"""An 8-bit heatmap of low resolution."""

from __future__ import annotations

import base64
import math
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["StoredMap"]

LARGEST = 2**24  # values of a map that is read: 4096 × 4096


@dataclass(frozen=True)
class StoredMap:
    """A map of H × W values, one byte each, in row-major order.

    The value of a byte is ``low + (high - low) * byte / 255``. Upsampled bilinearly to the image's size
    (``align_corners=False``) and clamped, these values are the explainer's map in [0, 1]. The low-resolution values
    may lie slightly outside [0, 1].

    Attributes:
        width: W, at least 1.
        height: H, at least 1.
        low: Value of the byte 0.
        high: Value of the byte 255.
        values: H · W bytes.

    Raises:
        ValueError: If the number of bytes is not H · W.

    Example:
        >>> stored = StoredMap(width=3, height=1, low=0.0, high=1.0, values=bytes([0, 128, 255]))
        >>> header, content = stored.pack()
        >>> StoredMap.unpack(header, content) == stored
        True
    """

    width: int
    height: int
    low: float
    high: float
    values: bytes

    def __post_init__(self) -> None:
        if min(self.width, self.height) < 1 or len(self.values) != self.width * self.height:
            raise ValueError(f"expected a map of {self.width} × {self.height} bytes, got {len(self.values)} bytes")

    def pack(self) -> tuple[dict[str, Any], bytes]:
        """Return a JSON-compatible header and the bytes, compressed if that makes them fewer."""
        compressed = zlib.compress(self.values, 9)
        is_smaller = len(compressed) < len(self.values)
        content = compressed if is_smaller else self.values
        header = {
            "width": self.width,
            "height": self.height,
            "range": [self.low, self.high],
            "encoding": "zlib" if is_smaller else "raw",
            "bytes": len(content),
        }
        return header, content

    @classmethod
    def unpack(cls, header: Mapping[str, Any], content: bytes) -> StoredMap:
        """Restore a map from the header and bytes that :meth:`pack` returned.

        Raises:
            ValueError: If header and content do not match, or the header announces more than 2**24 values, which the
                tab never logs and a few compressed bytes could hold.
        """
        width, height = int(header["width"]), int(header["height"])
        low, high = (float(limit) for limit in header["range"])
        if not (0 < width <= LARGEST and 0 < height <= LARGEST and width * height <= LARGEST):
            raise ValueError(f"expected a map of at most {LARGEST} values, got one of {width} × {height}")
        if not (math.isfinite(low) and math.isfinite(high)):
            raise ValueError(f"expected a map between two finite values, got {low} and {high}")
        if header["encoding"] == "zlib":
            # Limit the output to the announced size: event files may come from untrusted sources.
            content = zlib.decompressobj().decompress(content, max(1, width * height + 1))
        return cls(width, height, low, high, content)

    @property
    def base64(self) -> str:
        """Return the bytes in base64."""
        return base64.b64encode(self.values).decode()
