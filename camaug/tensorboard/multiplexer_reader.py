"""Blobs out of the events that TensorBoard's Python loader keeps in memory."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer
from tensorboard.compat.proto import summary_pb2

from camaug.tensorboard.blobs import PLUGIN

__all__ = ["MultiplexerReader"]


class MultiplexerReader:
    """Reads what a multiplexer has loaded.

    The data provider that TensorBoard puts before it gives the first blob of a step that was logged twice, where its
    fast loader gives the last, and looks at every event before it says which tags there are.

    Args:
        multiplexer: TensorBoard's.
    """

    def __init__(self, multiplexer: EventMultiplexer) -> None:
        self._multiplexer = multiplexer

    def tags(self) -> Mapping[str, Collection[str]]:
        """The tags of each run."""
        found = {
            run: [tag for tag, metadata in tags.items() if _is_ours(metadata)]
            for run, tags in self._multiplexer.AllSummaryMetadata().items()
        }
        return {run: tags for run, tags in found.items() if tags}

    def steps(self, tags: Mapping[str, Collection[str]]) -> Mapping[str, Mapping[str, Sequence[int]]]:
        """The steps of some tags of some runs, in ascending order."""
        return {run: {tag: [event.step for event in self._events(run, tag)] for tag in tags[run]} for run in tags}

    def blobs(self, run: str, tags: Sequence[str], among: range | None = None) -> Mapping[str, Mapping[int, bytes]]:
        """The blobs of some tags, of the steps that are among the given ones, in ascending order."""
        found = {tag: self._events(run, tag) for tag in tags}
        return {
            tag: {event.step: _blob(event) for event in events if among is None or event.step in among}
            for tag, events in found.items()
            if events
        }

    def last(self, run: str, tag: str) -> bytes | None:
        """The blob of the last step of a tag; None for a tag that is not there."""
        events = self._events(run, tag)
        return _blob(events[-1]) if events else None

    def _events(self, run: str, tag: str) -> list[Any]:
        try:
            if not _is_ours(self._multiplexer.SummaryMetadata(run, tag)):
                return []
            events = self._multiplexer.Tensors(run, tag)
        except KeyError:
            return []
        kept: list[Any] = []
        for event in events:
            while kept and kept[-1].step >= event.step:
                kept.pop()
            if event.tensor_proto.string_val:
                kept.append(event)
        return kept


def _is_ours(metadata: Any) -> bool:
    is_blob: bool = metadata.data_class == summary_pb2.DATA_CLASS_BLOB_SEQUENCE
    return is_blob and bool(metadata.plugin_data.plugin_name == PLUGIN)


def _blob(event: Any) -> bytes:
    return bytes(event.tensor_proto.string_val[0])
