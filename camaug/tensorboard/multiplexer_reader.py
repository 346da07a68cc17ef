"""Blobs from the events that TensorBoard's Python loader keeps in memory."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer
from tensorboard.compat.proto import summary_pb2

from camaug.tensorboard.blobs import PLUGIN

__all__ = ["MultiplexerReader"]

DATA_CLASSES = (summary_pb2.DATA_CLASS_TENSOR, summary_pb2.DATA_CLASS_BLOB_SEQUENCE)


class MultiplexerReader:
    """Reader of blobs from an event multiplexer (:class:`camaug.tensorboard.blob_reader.BlobReader`).

    TensorBoard's own data provider for the multiplexer returns the first blob of a step that was logged twice, where
    the fast loader returns the last. It also reads every event before it lists the tags.

    Args:
        multiplexer: TensorBoard's event multiplexer.
    """

    def __init__(self, multiplexer: EventMultiplexer) -> None:
        self._multiplexer = multiplexer

    def tags(self) -> Mapping[str, Collection[str]]:
        """Return the tags of each run."""
        tags_of_runs = {
            run: [tag for tag, metadata in tags.items() if _is_camaug_blob(metadata)]
            for run, tags in self._multiplexer.AllSummaryMetadata().items()
        }
        return {run: tags for run, tags in tags_of_runs.items() if tags}

    def wall_times(self, tags: Mapping[str, Collection[str]]) -> Mapping[str, Mapping[str, Mapping[int, float]]]:
        """Return when each step of the given tags of each run was written, by step in ascending order."""
        return {
            run: {tag: {event.step: event.wall_time for event in self._events(run, tag)} for tag in tags[run]}
            for run in tags
        }

    def blobs(self, run: str, tags: Sequence[str], steps: range | None = None) -> Mapping[str, Mapping[int, bytes]]:
        """Return the blobs of the given tags by step, in ascending order. Unknown tags are left out."""
        events_of_tags = {tag: self._events(run, tag) for tag in tags}
        return {
            tag: {event.step: _blob(event) for event in events if steps is None or event.step in steps}
            for tag, events in events_of_tags.items()
            if events
        }

    def last_blob(self, run: str, tag: str) -> bytes | None:
        """Return the blob of a tag's last step, or None if the tag does not exist."""
        events = self._events(run, tag)
        return _blob(events[-1]) if events else None

    def _events(self, run: str, tag: str) -> list[Any]:
        """Return the events of a tag in ascending order, each step of a resumed run once."""
        try:
            if not _is_camaug_blob(self._multiplexer.SummaryMetadata(run, tag)):
                return []
            events = self._multiplexer.Tensors(run, tag)
        except KeyError:
            return []
        valid_events: list[Any] = []
        for event in events:
            while valid_events and valid_events[-1].step >= event.step:
                valid_events.pop()
            if event.tensor_proto.string_val:
                valid_events.append(event)
        return valid_events


def _is_camaug_blob(metadata: Any) -> bool:
    return metadata.data_class in DATA_CLASSES and bool(metadata.plugin_data.plugin_name == PLUGIN)


def _blob(event: Any) -> bytes:
    return bytes(event.tensor_proto.string_val[0])
