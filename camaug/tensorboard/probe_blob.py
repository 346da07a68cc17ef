"""Blob of one probe image in one snapshot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from camaug.tensorboard.blobs import FORMAT, from_json, to_json
from camaug.tensorboard.stored_map import StoredMap

__all__ = ["ProbeBlob"]


@dataclass(frozen=True)
class ProbeBlob:
    """Prediction and heatmaps of one image in one snapshot: a line of JSON followed by the maps.

    It is one blob rather than three because TensorBoard's fast loader needs one request a blob, and a row of the film
    strip has one blob a snapshot.

    Attributes:
        record: Method, settings, layer, classes, confidences, index in the data set, epoch and step, as JSON types.
        predicted: Map of the predicted class.
        true: Map of the true class; None if the prediction is correct or the image has no label.

    Example:
        >>> map_ = StoredMap(2, 1, 0.0, 1.0, bytes([0, 255]))
        >>> blob = ProbeBlob({"id": 12, "epoch": 3, "step": 399}, map_, None)
        >>> ProbeBlob.from_bytes(blob.to_bytes()) == blob
        True
    """

    record: Mapping[str, Any]
    predicted: StoredMap
    true: StoredMap | None

    def to_bytes(self) -> bytes:
        """Encode the record and the maps."""
        maps = [self.predicted.pack(), *([] if self.true is None else [self.true.pack()])]
        header = {"format": FORMAT, "maps": [map_header for map_header, _ in maps], "record": self.record}
        return b"\n".join([to_json(header), b"".join(content for _, content in maps)])

    @classmethod
    def from_bytes(cls, content: bytes) -> ProbeBlob:
        """Decode the bytes that :meth:`to_bytes` returned.

        Raises:
            ValueError: If the bytes are no blob of a probe image.
        """
        line, _, rest = content.partition(b"\n")
        header = from_json(line)
        maps = []
        for map_header in header["maps"]:
            maps.append(StoredMap.unpack(map_header, rest[: map_header["bytes"]]))
            rest = rest[map_header["bytes"] :]
        predicted, true = [*maps, None][:2]
        if predicted is None:
            raise ValueError("the blob of a probe image has no map, expected the predicted class's map")
        return cls(header["record"], predicted, true)
