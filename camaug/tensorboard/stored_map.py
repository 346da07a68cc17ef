"""A map in 8 bits at its own resolution."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["StoredMap"]


@dataclass(frozen=True)
class StoredMap:
    """A map of H × W places in bytes, row by row.

    The value of a byte is ``low + (high - low) * byte / 255``. Enlarged bilinearly to the size of the image, the
    centres of the places lying evenly over it, these values are the map as the explainer gave it, in [0, 1]; before
    that they may stand a little outside.

    Attributes:
        width: W, at least 1.
        height: H, at least 1.
        low: What the byte 0 stands for.
        high: What the byte 255 stands for.
        values: H · W bytes.

    Raises:
        ValueError: If there are not as many bytes as places.

    Example:
        >>> stored = StoredMap(width=3, height=1, low=0.0, high=1.0, values=bytes([0, 128, 255]))
        >>> about, content = stored.pack()
        >>> StoredMap.unpack(about, content) == stored
        True
    """

    width: int
    height: int
    low: float
    high: float
    values: bytes

    def __post_init__(self) -> None:
        if min(self.width, self.height) < 1 or len(self.values) != self.width * self.height:
            raise ValueError(
                f"a map of {self.width} × {self.height} places was expected, a byte each, got {len(self.values)} bytes"
            )

    def pack(self) -> tuple[dict[str, Any], bytes]:
        """What has to be known of the bytes, in JSON's types; and the bytes, compressed where that makes them fewer."""
        compressed = zlib.compress(self.values, 9)
        is_smaller = len(compressed) < len(self.values)
        content = compressed if is_smaller else self.values
        about = {
            "width": self.width,
            "height": self.height,
            "range": [self.low, self.high],
            "encoding": "zlib" if is_smaller else "raw",
            "bytes": len(content),
        }
        return about, content

    @classmethod
    def unpack(cls, about: Mapping[str, Any], content: bytes) -> StoredMap:
        """The map of what :meth:`pack` gave.

        Raises:
            ValueError: If the content is not that of such a map.
        """
        width, height = int(about["width"]), int(about["height"])
        low, high = (float(limit) for limit in about["range"])
        if about["encoding"] == "zlib":
            # No more than was announced, whatever the bytes say: they may come from anybody.
            content = zlib.decompressobj().decompress(content, max(1, width * height + 1))
        return cls(width, height, low, high, content)

    @property
    def base64(self) -> str:
        """The bytes as a text."""
        return base64.b64encode(self.values).decode()
