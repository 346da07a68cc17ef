"""Event-file format of the camaug tab: one blob a tag and step, where the step is the Trainer's global step.

Below ``camaug/<prefix>/<method>/`` there are

- ``snapshots``: one short JSON text a snapshot, of which only the step and the time are read, to list the runs;
- ``records``: one JSON text a snapshot with its epoch and the predictions and metrics of all probe images, but no
  heatmaps, so that the tab opens without reading them;
- ``classes``: the class names, once a run;
- ``mistakes``: one JSON text a snapshot with the validation images that were explained beyond the probe images, their
  predictions, and the confusion matrix of all validation images;
- ``mistake_images``: their heatmaps and photos (:class:`camaug.tensorboard.mistakes_blob.MistakesBlob`);
- one tag a probe image with its heatmaps (:class:`camaug.tensorboard.probe_blob.ProbeBlob`), in each snapshot.

``camaug/<prefix>/original/<probe>`` is the probe image itself as JPEG, once a run.

TensorBoard's fast loader returns all tensors of several tags in one response, but needs a request for each blob of a
blob sequence, a millisecond each. It lists the steps of blob sequences without their contents, which it cannot do with
tensors. So ``snapshots`` is a blob sequence, as are the mistakes, of which one step is read at a time. Everything else
is a tensor that holds one text. Earlier versions wrote only blob sequences, and the records as ``snapshots``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from tensorboard.compat.proto import summary_pb2, tensor_pb2, tensor_shape_pb2, types_pb2

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

__all__ = [
    "CLASSES",
    "FORMAT",
    "MISTAKES",
    "MISTAKE_IMAGES",
    "ORIGINAL",
    "PLUGIN",
    "RECORDS",
    "RESERVED",
    "SNAPSHOTS",
    "BlobTag",
    "add_blob",
    "from_json",
    "to_json",
]

PLUGIN = "camaug"
FORMAT = 3
READABLE_FORMATS = (2, 3)  # format 2 has no classes beside the maps, see ProbeBlob
SNAPSHOTS, RECORDS, CLASSES, ORIGINAL = "snapshots", "records", "classes", "original"
MISTAKES, MISTAKE_IMAGES = "mistakes", "mistake_images"
READ_BY_STEP = frozenset({SNAPSHOTS, MISTAKES, MISTAKE_IMAGES})
RESERVED = frozenset({SNAPSHOTS, RECORDS, CLASSES, MISTAKES, MISTAKE_IMAGES})
"""Names below a method that are not probe images."""


class BlobTag(NamedTuple):
    """Tag of a blob of the camaug plugin.

    Attributes:
        prefix: First part of the logger's tags: ``cam``, ``cam_validate``, ``cam_test``.
        method: Name of the explainer, or ``original`` for the probe images.
        name: ``snapshots``, ``records``, ``classes``, ``mistakes``, ``mistake_images`` or a probe image's index in the
            data set.

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
        """Split a tag into its parts, or return None if the tag is not the plugin's."""
        plugin, *parts = tag.split("/")
        if plugin != PLUGIN or len(parts) < 3:
            return None
        return cls(parts[0], "/".join(parts[1:-1]), parts[-1])


def add_blob(writer: SummaryWriter, tag: BlobTag, blob: bytes, step: int) -> None:
    """Write a blob to an event file.

    Args:
        writer: PyTorch's writer, such as ``TensorBoardLogger.experiment``.
        tag: Tag of the blob.
        blob: Content.
        step: Global step of the snapshot.
    """
    writer._get_file_writer().add_summary(_blob_summary(tag, blob), step)  # type: ignore[no-untyped-call]


def to_json(record: Any) -> bytes:
    """Encode a record as one line of ASCII JSON.

    Raises:
        ValueError: If a number is not finite.
    """
    return json.dumps(record, separators=(",", ":"), allow_nan=False).encode()


def from_json(text: bytes) -> Mapping[str, Any]:
    """Decode a JSON record and check its format version, 2 or 3.

    Raises:
        ValueError: If the text is not a JSON record of one of these format versions.
    """
    record = json.loads(text)
    version = record.get("format") if isinstance(record, Mapping) else None
    if version not in READABLE_FORMATS:
        readable = " and ".join(map(str, READABLE_FORMATS))
        raise ValueError(
            f"the run was logged in format {version!r} of the camaug tab, and this version of camaug reads the formats "
            f"{readable}: open the run with the camaug version that logged it"
        )
    return record  # type: ignore[no-any-return]


def _blob_summary(tag: BlobTag, blob: bytes) -> Any:
    is_listed = tag.name in READ_BY_STEP
    data_class = summary_pb2.DATA_CLASS_BLOB_SEQUENCE if is_listed else summary_pb2.DATA_CLASS_TENSOR
    plugin_data = summary_pb2.SummaryMetadata.PluginData(plugin_name=PLUGIN)
    metadata = summary_pb2.SummaryMetadata(plugin_data=plugin_data, data_class=data_class)
    shape = tensor_shape_pb2.TensorShapeProto(dim=[tensor_shape_pb2.TensorShapeProto.Dim(size=1)])
    tensor = tensor_pb2.TensorProto(dtype=types_pb2.DT_STRING, string_val=[blob], tensor_shape=shape)
    return summary_pb2.Summary(value=[summary_pb2.Summary.Value(tag=str(tag), metadata=metadata, tensor=tensor)])
