"""Blob of one probe image in one snapshot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from camaug.tensorboard.blobs import FORMAT, from_json, to_json
from camaug.tensorboard.stored_map import StoredMap

__all__ = ["ClassMap", "ProbeBlob"]

FORMAT_WITHOUT_CLASSES = 2
MOST_VALUES = 2**26  # of all maps of a blob that is read


class ClassMap(NamedTuple):
    """Heatmap of one class.

    Attributes:
        class_index: The explained class.
        stored: Its map.
    """

    class_index: int
    stored: StoredMap


@dataclass(frozen=True)
class ProbeBlob:
    """Prediction and heatmaps of one image in one snapshot: a line of JSON followed by the maps.

    Attributes:
        record: Method, settings, layer, classes, confidences, index in the data set, epoch and step, as JSON types.
        maps: Maps of different classes and of one size: of the predicted class, then of the labels that are not
            predicted, then of the most probable false positive.

    Raises:
        ValueError: If there is no map, or two maps have different sizes or the same class.

    Example:
        >>> map_ = StoredMap(2, 1, 0.0, 1.0, bytes([0, 255]))
        >>> blob = ProbeBlob({"id": 12, "epoch": 3, "step": 399}, (ClassMap(7, map_), ClassMap(2, map_)))
        >>> ProbeBlob.from_bytes(blob.to_bytes()) == blob
        True
        >>> blob.size, blob.classes
        ((2, 1), [7, 2])
    """

    record: Mapping[str, Any]
    maps: Sequence[ClassMap]

    def __post_init__(self) -> None:
        sizes = {(stored.width, stored.height) for _, stored in self.maps}
        if len(sizes) != 1:
            given = "no map" if not sizes else f"maps of the sizes {sorted(sizes)}"
            raise ValueError(f"the blob of a probe image has {given}, expected one map or several of one size")
        if len(set(self.classes)) < len(self.maps):
            raise ValueError(f"the blob of a probe image has maps of the classes {self.classes}, expected each once")

    @property
    def classes(self) -> list[int]:
        """Classes of the maps, the predicted one first."""
        return [class_index for class_index, _ in self.maps]

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of every map."""
        stored = self.maps[0].stored
        return stored.width, stored.height

    def to_bytes(self) -> bytes:
        """Encode the record and the maps."""
        packed = [stored.pack() for _, stored in self.maps]
        headers = [
            {"class": class_index, **header} for class_index, (header, _) in zip(self.classes, packed, strict=True)
        ]
        header = {"format": FORMAT, "maps": headers, "record": self.record}
        return b"\n".join([to_json(header), b"".join(content for _, content in packed)])

    @classmethod
    def from_bytes(cls, content: bytes) -> ProbeBlob:
        """Decode the bytes that :meth:`to_bytes` returned, also in format 2.

        Raises:
            ValueError: If the bytes are no blob of a probe image, or its maps have more than 2**26 values together.
        """
        line, _, rest = content.partition(b"\n")
        header = from_json(line)
        record = header["record"]
        classes = _classes_of_format_2(record) if header["format"] == FORMAT_WITHOUT_CLASSES else None
        maps, values = [], 0
        for position, map_header in enumerate(header["maps"]):
            class_index = map_header["class"] if classes is None else classes[position]
            stored = StoredMap.unpack(map_header, rest[: map_header["bytes"]])
            values += len(stored.values)
            if values > MOST_VALUES:
                raise ValueError(f"expected maps of at most {MOST_VALUES} values together, got more")
            maps.append(ClassMap(int(class_index), stored))
            rest = rest[map_header["bytes"] :]
        return cls(record, tuple(maps))


def _classes_of_format_2(record: Mapping[str, Any]) -> list[int]:
    """Return the classes of the maps in format 2: the predicted class and, if that is wrong, the first label."""
    return [record["predicted"], *record["labels"][:1]]
