"""Blob of the heatmaps and photos of a snapshot's mistakes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from camaug.tensorboard.blobs import FORMAT, from_json, to_json
from camaug.tensorboard.stored_map import StoredMap

__all__ = ["MistakeImage", "MistakesBlob"]


class MistakeImage(NamedTuple):
    """Heatmaps of one image, and the image itself unless an earlier blob has it.

    Attributes:
        classes: The explained classes, one for each map.
        maps: The maps.
        jpeg: The image as JPEG, empty if an earlier blob has it.
    """

    classes: Sequence[int]
    maps: Sequence[StoredMap]
    jpeg: bytes


class MistakesBlob(NamedTuple):
    """The images of one snapshot's mistakes: a line of JSON followed by maps and JPEGs.

    Attributes:
        images: The images, in the order of the snapshot's record.

    Example:
        >>> map_ = StoredMap(2, 1, 0.0, 1.0, bytes([0, 255]))
        >>> blob = MistakesBlob([MistakeImage([3], [map_], b"...")])
        >>> MistakesBlob.from_bytes(blob.to_bytes()) == blob
        True
    """

    images: list[MistakeImage]

    def to_bytes(self) -> bytes:
        """Encode the images."""
        headers, contents = [], []
        for image in self.images:
            packed = [stored.pack() for stored in image.maps]
            maps = [header for header, _ in packed]
            headers.append({"classes": list(image.classes), "maps": maps, "jpeg": len(image.jpeg)})
            contents += [*(content for _, content in packed), image.jpeg]
        return b"\n".join([to_json({"format": FORMAT, "images": headers}), b"".join(contents)])

    @classmethod
    def from_bytes(cls, content: bytes) -> MistakesBlob:
        """Decode the bytes that :meth:`to_bytes` returned.

        Raises:
            ValueError: If the bytes are no such blob.
        """
        line, _, rest = content.partition(b"\n")
        images, start = [], 0
        for header in from_json(line)["images"]:
            maps = []
            for map_header in header["maps"]:
                maps.append(StoredMap.unpack(map_header, rest[start : start + map_header["bytes"]]))
                start += map_header["bytes"]
            jpeg = rest[start : start + header["jpeg"]]
            if len(jpeg) != header["jpeg"] or len(maps) != len(header["classes"]):
                raise ValueError("the blob of a snapshot's mistakes is incomplete")
            start += header["jpeg"]
            images.append(MistakeImage([int(index) for index in header["classes"]], maps, jpeg))
        return cls(images)
