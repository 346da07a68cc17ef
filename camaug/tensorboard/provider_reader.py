"""Blobs from TensorBoard's data provider, which its fast loader implements."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tensorboard import context
from tensorboard.data.provider import BlobSequenceDatum, DataProvider, RunTagFilter, TensorDatum

from camaug.tensorboard.blobs import PLUGIN

__all__ = ["ProviderReader"]

ALL_STEPS = 2**31 - 1
CONCURRENT_REQUESTS = 16


class ProviderReader:
    """Reader of blobs from a data provider (:class:`camaug.tensorboard.blob_reader.BlobReader`).

    TensorBoard's fast loader is one.

    Args:
        provider: TensorBoard's data provider.
        request_context: Context of the HTTP request to respond to.
        experiment_id: Id of the experiment; empty for a local TensorBoard.
    """

    def __init__(
        self, provider: DataProvider, request_context: context.RequestContext, experiment_id: str = ""
    ) -> None:
        self._provider = provider
        self._request_context = request_context
        self._experiment_id = experiment_id

    def tags(self) -> Mapping[str, Collection[str]]:
        """Return the tags of each run."""
        tags_of_runs: dict[str, list[str]] = {}
        for list_tags in (self._provider.list_tensors, self._provider.list_blob_sequences):
            listed = list_tags(self._request_context, experiment_id=self._experiment_id, plugin_name=PLUGIN)
            for run, tags in listed.items():
                tags_of_runs.setdefault(run, []).extend(tags)
        return {run: tags for run, tags in tags_of_runs.items() if tags}

    def wall_times(self, tags: Mapping[str, Collection[str]]) -> Mapping[str, Mapping[str, Mapping[int, float]]]:
        """Return when each step of the given tags of each run was written, by step in ascending order."""
        filter_ = RunTagFilter(list(tags), [tag for names in tags.values() for tag in names])
        datums = self._read(self._provider.read_blob_sequences, filter_)
        return {
            run: {tag: {datum.step: datum.wall_time for datum in datums.get(run, {}).get(tag, [])} for tag in tags[run]}
            for run in tags
        }

    def blobs(self, run: str, tags: Sequence[str], steps: range | None = None) -> Mapping[str, Mapping[int, bytes]]:
        """Return the blobs of the given tags by step, in ascending order. Unknown tags are left out."""
        datums_of_tags = self._read(self._provider.read_tensors, RunTagFilter([run], tags)).get(run, {})
        blobs: dict[str, Mapping[int, bytes]] = {
            tag: {datum.step: _blob(datum) for datum in datums if steps is None or datum.step in steps}
            for tag, datums in datums_of_tags.items()
            if datums
        }
        missing = [tag for tag in tags if tag not in blobs]
        return {**blobs, **self._blob_sequences(run, missing, steps)} if missing else blobs

    def last_blob(self, run: str, tag: str) -> bytes | None:
        """Return the blob of a tag's last step, or None if the tag does not exist."""
        blobs = self.blobs(run, [tag]).get(tag)
        return list(blobs.values())[-1] if blobs else None

    def _blob_sequences(self, run: str, tags: Sequence[str], steps: range | None) -> dict[str, dict[int, bytes]]:
        """Return blobs as earlier versions logged all of them, one request a blob."""
        datums_of_tags = self._read(self._provider.read_blob_sequences, RunTagFilter([run], tags)).get(run, {})
        datums = [(tag, datum) for tag, datums in datums_of_tags.items() for datum in datums if datum.values]
        blobs: dict[str, dict[int, bytes]] = {tag: {} for tag, _ in datums}
        requested = [(tag, datum) for tag, datum in datums if steps is None or datum.step in steps]
        # One after another, each request to the fast loader would wait 40 ms for an acknowledgement.
        with ThreadPoolExecutor(CONCURRENT_REQUESTS) as pool:
            contents = pool.map(self._read_blob, [datum for _, datum in requested])
            for (tag, datum), content in zip(requested, contents, strict=True):
                blobs[tag][datum.step] = content
        return blobs

    def _read_blob(self, datum: BlobSequenceDatum) -> bytes:
        key = datum.values[0].blob_key
        return bytes(self._provider.read_blob(self._request_context, blob_key=key))

    def _read(
        self, read: Callable[..., Mapping[str, Mapping[str, Sequence[Any]]]], filter_: RunTagFilter
    ) -> Mapping[str, Mapping[str, Sequence[Any]]]:
        return read(
            self._request_context,
            experiment_id=self._experiment_id,
            plugin_name=PLUGIN,
            downsample=ALL_STEPS,
            run_tag_filter=filter_,
        )


def _blob(datum: TensorDatum) -> bytes:
    return bytes(datum.numpy.flat[0])
