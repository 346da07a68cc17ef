"""What the camaug tab reads out of an event file: blobs under tags, the step being the epoch.

Below ``camaug/<prefix>/<method>/`` stand ``looks``, a JSON text an epoch with all that was found of all probe images
but the maps, so that the tab opens without reading these; ``classes``, once a run, the classes' names; and for each
probe image its maps (:class:`camaug.tensorboard.probe_blob.ProbeBlob`). ``camaug/<prefix>/original/<probe>`` is the
image itself as JPEG, once a run.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from tensorboard.compat.proto import summary_pb2, tensor_pb2, tensor_shape_pb2, types_pb2

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

__all__ = ["CLASSES", "FORMAT", "LOOKS", "ORIGINAL", "PLUGIN", "BlobTag", "add_blob", "from_json", "to_json"]

PLUGIN = "camaug"
FORMAT = 1
LOOKS, CLASSES, ORIGINAL = "looks", "classes", "original"


class BlobTag(NamedTuple):
    """A tag of the plugin.

    Attributes:
        prefix: As of the ordinary pictures: ``cam``, ``cam_validate``, ``cam_test``.
        method: The explainer's name; ``original`` for the images themselves.
        name: ``looks``, ``classes`` or a probe's place in the data set.

    Example:
        >>> str(BlobTag("cam", "group-cam", "12"))
        'camaug/cam/group-cam/12'
        >>> BlobTag.parse("camaug/cam/group-cam/12").name
        '12'
        >>> BlobTag.parse("cam/drift") is None
        True
    """

    prefix: str
    method: str
    name: str

    def __str__(self) -> str:
        return f"{PLUGIN}/{self.prefix}/{self.method}/{self.name}"

    @classmethod
    def parse(cls, tag: str) -> BlobTag | None:
        """The parts of a tag; None for one that is not the plugin's."""
        plugin, *parts = tag.split("/")
        if plugin != PLUGIN or len(parts) < 3:
            return None
        return cls(parts[0], "/".join(parts[1:-1]), parts[-1])


def add_blob(writer: SummaryWriter, tag: BlobTag, blob: bytes, step: int) -> None:
    """Write a blob to an event file.

    Args:
        writer: Torch's, as ``TensorBoardLogger.experiment`` is one.
        tag: Under which it is found.
        blob: The bytes.
        step: The epoch.
    """
    writer._get_file_writer().add_summary(_summary(str(tag), blob), step)  # type: ignore[no-untyped-call]


def _summary(tag: str, blob: bytes) -> Any:
    plugin = summary_pb2.SummaryMetadata.PluginData(plugin_name=PLUGIN)
    metadata = summary_pb2.SummaryMetadata(plugin_data=plugin, data_class=summary_pb2.DATA_CLASS_BLOB_SEQUENCE)
    one = tensor_shape_pb2.TensorShapeProto(dim=[tensor_shape_pb2.TensorShapeProto.Dim(size=1)])
    tensor = tensor_pb2.TensorProto(dtype=types_pb2.DT_STRING, string_val=[blob], tensor_shape=one)
    return summary_pb2.Summary(value=[summary_pb2.Summary.Value(tag=tag, metadata=metadata, tensor=tensor)])


def to_json(record: Any) -> bytes:
    """A record as JSON on one line, in ASCII, whatever its texts hold.

    Raises:
        ValueError: If a number is not finite.
    """
    return json.dumps(record, separators=(",", ":"), allow_nan=False).encode()


def from_json(text: bytes) -> Mapping[str, Any]:
    """The record of a JSON text.

    Raises:
        ValueError: If it is not a record of this format.
    """
    record = json.loads(text)
    version = record.get("format") if isinstance(record, Mapping) else None
    if version != FORMAT:
        raise ValueError(
            f"the run was logged in the format {version!r} of the camaug tab, and this version of camaug reads "
            f"{FORMAT}: look at it with the version that logged it"
        )
    return record  # type: ignore[no-any-return]
