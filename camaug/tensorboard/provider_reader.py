"""Blobs out of TensorBoard's data provider, as its fast loader is asked."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tensorboard import context
from tensorboard.data.provider import BlobSequenceDatum, DataProvider, RunTagFilter

from camaug.tensorboard.blobs import PLUGIN

__all__ = ["ProviderReader"]

ALL = 2**31 - 1  # as many steps as there are
AT_ONCE = 16  # requests


class ProviderReader:
    """Reads from a data provider, a request for each blob.

    Args:
        provider: TensorBoard's.
        request: The context of the request that is answered.
        experiment: The experiment's id; empty for the one that a local TensorBoard shows.
    """

    def __init__(self, provider: DataProvider, request: context.RequestContext, experiment: str = "") -> None:
        self._provider = provider
        self._request = request
        self._experiment = experiment

    def tags(self) -> Mapping[str, Collection[str]]:
        """The tags of each run."""
        found = self._provider.list_blob_sequences(self._request, experiment_id=self._experiment, plugin_name=PLUGIN)
        return {run: list(tags) for run, tags in found.items() if tags}

    def steps(self, tags: Mapping[str, Collection[str]]) -> Mapping[str, Mapping[str, Sequence[int]]]:
        """The steps of some tags of some runs, in ascending order."""
        found = self._read(list(tags), [tag for names in tags.values() for tag in names])
        return {
            run: {tag: [datum.step for datum in found.get(run, {}).get(tag, [])] for tag in tags[run]} for run in tags
        }

    def blobs(self, run: str, tags: Sequence[str], among: range | None = None) -> Mapping[str, Mapping[int, bytes]]:
        """The blobs of some tags, of the steps that are among the given ones, in ascending order."""
        found = {tag: datums for tag, datums in self._series(run, tags).items() if datums}
        asked = [
            (tag, datum) for tag, datums in found.items() for datum in datums if among is None or datum.step in among
        ]
        blobs: dict[str, dict[int, bytes]] = {tag: {} for tag in found}
        # The loader's answers, asked for one after the other, each wait 40 ms for an acknowledgement on the way.
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for (tag, datum), blob in zip(asked, pool.map(self._blob, [datum for _, datum in asked]), strict=True):
                blobs[tag][datum.step] = blob
        return blobs

    def last(self, run: str, tag: str) -> bytes | None:
        """The blob of the last step of a tag; None for a tag that is not there."""
        series = self._series(run, [tag])[tag]
        return self._blob(series[-1]) if series else None

    def _series(self, run: str, tags: Sequence[str]) -> dict[str, list[BlobSequenceDatum]]:
        found = self._read([run], tags).get(run, {})
        return {tag: [datum for datum in found.get(tag, []) if datum.values] for tag in tags}

    def _read(self, runs: Sequence[str], tags: Sequence[str]) -> Mapping[str, Mapping[str, Sequence[Any]]]:
        asked: Mapping[str, Mapping[str, Sequence[Any]]] = self._provider.read_blob_sequences(
            self._request,
            experiment_id=self._experiment,
            plugin_name=PLUGIN,
            downsample=ALL,
            run_tag_filter=RunTagFilter(runs, tags),
        )
        return asked

    def _blob(self, datum: BlobSequenceDatum) -> bytes:
        key = datum.values[0].blob_key
        return bytes(self._provider.read_blob(self._request, blob_key=key))
