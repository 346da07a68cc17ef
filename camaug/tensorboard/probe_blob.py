"""One look at one probe image as bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from camaug.tensorboard.blobs import FORMAT, from_json, to_json
from camaug.tensorboard.stored_map import StoredMap

__all__ = ["ProbeBlob"]


@dataclass(frozen=True)
class ProbeBlob:
    """What was found of one image in one epoch: a line of JSON, and after it the maps.

    One blob rather than three, because TensorBoard's fast loader hands out each by a request of its own, and a row of
    the strip has as many as there are epochs.

    Attributes:
        record: Method, settings, layer, classes, confidences, place in the data set, epoch, step; in JSON's types.
        predicted: The predicted class's map.
        true: The true class's; None where it is the same or not known.

    Example:
        >>> map_ = StoredMap(2, 1, 0.0, 1.0, bytes([0, 255]))
        >>> blob = ProbeBlob({"id": 12, "epoch": 3}, map_, None)
        >>> ProbeBlob.from_bytes(blob.to_bytes()) == blob
        True
    """

    record: Mapping[str, Any]
    predicted: StoredMap
    true: StoredMap | None

    def to_bytes(self) -> bytes:
        """The bytes."""
        maps = [self.predicted.pack(), *([] if self.true is None else [self.true.pack()])]
        header = {"format": FORMAT, "maps": [about for about, _ in maps], "record": self.record}
        return b"\n".join([to_json(header), b"".join(content for _, content in maps)])

    @classmethod
    def from_bytes(cls, content: bytes) -> ProbeBlob:
        """The look of the bytes.

        Raises:
            ValueError: If they are not those of a look.
        """
        line, _, rest = content.partition(b"\n")
        header = from_json(line)
        maps = []
        for about in header["maps"]:
            maps.append(StoredMap.unpack(about, rest[: about["bytes"]]))
            rest = rest[about["bytes"] :]
        predicted, true = [*maps, None][:2]
        if predicted is None:
            raise ValueError("the blob of a probe image has no map, expected that of the predicted class")
        return cls(header["record"], predicted, true)
