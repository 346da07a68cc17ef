"""Both readers return the same blobs."""

from __future__ import annotations

from collections import Counter

import pytest
from tensorboard.backend.event_processing.data_provider import MultiplexerDataProvider
from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer
from tensorboard.compat.proto import summary_pb2
from tensorboard.context import RequestContext
from torch.utils.tensorboard import SummaryWriter

from camaug.callbacks._logging import film_strip
from camaug.tensorboard.blobs import BlobTag, add_blob
from camaug.tensorboard.data_source import DataSource, Series
from camaug.tensorboard.multiplexer_reader import MultiplexerReader
from camaug.tensorboard.provider_reader import ProviderReader
from tests.tensorboard.conftest import make_snapshot, write_run, written_at

TAG = "camaug/cam/group-cam/7"
SNAPSHOTS = "camaug/cam/group-cam/snapshots"  # whose steps are listed and whose contents are not read


@pytest.fixture(params=["multiplexer", "provider"])
def reader(request, tmp_path):
    """Reader of a run with three steps, beside a run with a scalar."""
    with SummaryWriter(tmp_path / "a") as writer:
        for step in range(3):
            with written_at(1000.25 + step):
                add_blob(writer, BlobTag.parse(TAG), b"blob %d" % step, step)
                add_blob(writer, BlobTag.parse(SNAPSHOTS), b"listed", step)
    with SummaryWriter(tmp_path / "other") as writer:
        writer.add_scalar(TAG, 1.0, 0)
    multiplexer = EventMultiplexer(tensor_size_guidance={"camaug": 0})
    multiplexer.AddRunsFromDirectory(str(tmp_path))
    multiplexer.Reload()
    if request.param == "multiplexer":
        return MultiplexerReader(multiplexer)
    return ProviderReader(MultiplexerDataProvider(multiplexer, str(tmp_path)), RequestContext())


def test_only_runs_with_blobs_are_listed(reader):
    assert {run: sorted(tags) for run, tags in reader.tags().items()} == {"a": [TAG, SNAPSHOTS]}


def test_wall_times_of_ascending_steps(reader):
    times = reader.wall_times({"a": [SNAPSHOTS]})
    assert times == {"a": {SNAPSHOTS: {0: 1000.25, 1: 1001.25, 2: 1002.25}}}
    assert list(times["a"][SNAPSHOTS]) == [0, 1, 2]


def test_blobs_by_step(reader):
    assert reader.blobs("a", [TAG]) == {TAG: {0: b"blob 0", 1: b"blob 1", 2: b"blob 2"}}
    assert reader.blobs("a", [TAG], range(1, 9)) == {TAG: {1: b"blob 1", 2: b"blob 2"}}
    assert reader.blobs("a", [TAG], range(5, 9)) == {TAG: {}}


def test_the_last_blob(reader):
    assert reader.last_blob("a", TAG) == b"blob 2"


def test_unknown_runs_and_tags_are_empty(reader):
    assert reader.blobs("a", ["camaug/cam/group-cam/8"]) == {}
    assert reader.blobs("b", [TAG]) == {}
    assert reader.last_blob("a", "camaug/cam/group-cam/8") is None
    assert reader.last_blob("other", TAG) is None


def test_the_fast_loader_lists_runs_without_their_contents_and_reads_many_blobs_at_once(tmp_path):
    write_run(tmp_path / "a", [make_snapshot(epoch) for epoch in range(3)])
    write_run(tmp_path / "b", [make_snapshot(epoch) for epoch in range(2)])
    multiplexer = EventMultiplexer(tensor_size_guidance={"camaug": 0})
    multiplexer.AddRunsFromDirectory(str(tmp_path))
    multiplexer.Reload()
    provider = CountingProvider(MultiplexerDataProvider(multiplexer, str(tmp_path)))
    source = DataSource(ProviderReader(provider, RequestContext()))

    assert [(entry["run"], len(entry["steps"])) for entry in source.runs()["runs"]] == [("a", 3), ("b", 2)]
    assert provider.calls == {"list_tensors": 1, "list_blob_sequences": 1, "read_blob_sequences": 1}
    provider.calls.clear()
    assert len(source.snapshots(Series("a", "cam", "group-cam"))["steps"]) == 3
    assert provider.calls == {"read_tensors": 1, "read_blob_sequences": 1}
    provider.calls.clear()
    maps = source.maps(Series("a", "cam", "group-cam"), ["0", "10", "20"])["maps"]
    assert [len(of_image["steps"]) for of_image in maps.values()] == [3, 3, 3]
    assert provider.calls == {"read_tensors": 1}


@pytest.mark.parametrize("kind", ["multiplexer", "provider"])
def test_runs_of_earlier_versions_which_wrote_only_blob_sequences(tmp_path, monkeypatch, kind):
    def add_early_blob(writer, tag, blob, step):
        if tag.name != "snapshots":
            add_blob(writer, tag._replace(name="snapshots") if tag.name == "records" else tag, blob, step)

    monkeypatch.setattr(film_strip, "add_blob", add_early_blob)
    monkeypatch.setattr(summary_pb2, "DATA_CLASS_TENSOR", summary_pb2.DATA_CLASS_BLOB_SEQUENCE)
    write_run(tmp_path / "a", [make_snapshot(epoch) for epoch in range(3)])
    monkeypatch.undo()
    multiplexer = EventMultiplexer(tensor_size_guidance={"camaug": 0})
    multiplexer.AddRunsFromDirectory(str(tmp_path))
    multiplexer.Reload()
    provider = MultiplexerDataProvider(multiplexer, str(tmp_path))
    assert list(provider.list_tensors(RequestContext(), experiment_id="", plugin_name="camaug")) == []
    reader = MultiplexerReader(multiplexer) if kind == "multiplexer" else ProviderReader(provider, RequestContext())
    source = DataSource(reader)

    (entry,) = source.runs()["runs"]
    assert (entry["steps"], entry["probes"]) == ([9, 19, 29], 4)
    series = Series("a", "cam", "group-cam")
    assert source.snapshots(series)["epochs"] == [0, 1, 2]
    assert source.maps(series, ["10"], range(10, 30))["maps"]["10"]["steps"] == [19, 29]
    assert source.original("a", "cam", "10")[:2] == b"\xff\xd8"


class CountingProvider:
    """Data provider that counts the calls of each method."""

    def __init__(self, provider) -> None:
        self.provider = provider
        self.calls = Counter()

    def __getattr__(self, name):
        self.calls[name] += 1
        return getattr(self.provider, name)
