"""Blobs from TensorBoard's data provider, which its fast loader implements."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tensorboard import context
from tensorboard.data.provider import BlobSequenceDatum, DataProvider, RunTagFilter

from camaug.tensorboard.blobs import PLUGIN

__all__ = ["ProviderReader"]

ALL_STEPS = 2**31 - 1
CONCURRENT_REQUESTS = 16


class ProviderReader:
    """Reader of blobs from a data provider, one request a blob (:class:`camaug.tensorboard.blob_reader.BlobReader`).

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
        tags_of_runs = self._provider.list_blob_sequences(
            self._request_context, experiment_id=self._experiment_id, plugin_name=PLUGIN
        )
        return {run: list(tags) for run, tags in tags_of_runs.items() if tags}

    def wall_times(self, tags: Mapping[str, Collection[str]]) -> Mapping[str, Mapping[str, Mapping[int, float]]]:
        """Return when each step of the given tags of each run was written, by step in ascending order."""
        datums = self._read_datums(list(tags), [tag for names in tags.values() for tag in names])
        return {
            run: {tag: {datum.step: datum.wall_time for datum in datums.get(run, {}).get(tag, [])} for tag in tags[run]}
            for run in tags
        }

    def blobs(self, run: str, tags: Sequence[str], steps: range | None = None) -> Mapping[str, Mapping[int, bytes]]:
        """Return the blobs of the given tags by step, in ascending order. Unknown tags are left out."""
        datums_of_tags = {tag: datums for tag, datums in self._datums_of_run(run, tags).items() if datums}
        requested = [
            (tag, datum)
            for tag, datums in datums_of_tags.items()
            for datum in datums
            if steps is None or datum.step in steps
        ]
        blobs: dict[str, dict[int, bytes]] = {tag: {} for tag in datums_of_tags}
        # One after another, each request to the fast loader would wait 40 ms for an acknowledgement.
        with ThreadPoolExecutor(CONCURRENT_REQUESTS) as pool:
            contents = pool.map(self._read_blob, [datum for _, datum in requested])
            for (tag, datum), content in zip(requested, contents, strict=True):
                blobs[tag][datum.step] = content
        return blobs

    def last_blob(self, run: str, tag: str) -> bytes | None:
        """Return the blob of a tag's last step, or None if the tag does not exist."""
        datums = self._datums_of_run(run, [tag])[tag]
        return self._read_blob(datums[-1]) if datums else None

    def _datums_of_run(self, run: str, tags: Sequence[str]) -> dict[str, list[BlobSequenceDatum]]:
        datums = self._read_datums([run], tags).get(run, {})
        return {tag: [datum for datum in datums.get(tag, []) if datum.values] for tag in tags}

    def _read_datums(self, runs: Sequence[str], tags: Sequence[str]) -> Mapping[str, Mapping[str, Sequence[Any]]]:
        datums: Mapping[str, Mapping[str, Sequence[Any]]] = self._provider.read_blob_sequences(
            self._request_context,
            experiment_id=self._experiment_id,
            plugin_name=PLUGIN,
            downsample=ALL_STEPS,
            run_tag_filter=RunTagFilter(runs, tags),
        )
        return datums

    def _read_blob(self, datum: BlobSequenceDatum) -> bytes:
        key = datum.values[0].blob_key
        return bytes(self._provider.read_blob(self._request_context, blob_key=key))
