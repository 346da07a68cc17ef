"""Both readers return the same blobs."""

from __future__ import annotations

import pytest
from tensorboard.backend.event_processing.data_provider import MultiplexerDataProvider
from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer
from tensorboard.context import RequestContext
from torch.utils.tensorboard import SummaryWriter

from camaug.tensorboard.blobs import BlobTag, add_blob
from camaug.tensorboard.multiplexer_reader import MultiplexerReader
from camaug.tensorboard.provider_reader import ProviderReader
from tests.tensorboard.conftest import written_at

TAG = "camaug/cam/group-cam/7"


@pytest.fixture(params=["multiplexer", "provider"])
def reader(request, tmp_path):
    """Reader of a run with three steps, beside a run with a scalar."""
    with SummaryWriter(tmp_path / "a") as writer:
        for step in range(3):
            with written_at(1000.25 + step):
                add_blob(writer, BlobTag.parse(TAG), b"blob %d" % step, step)
    with SummaryWriter(tmp_path / "other") as writer:
        writer.add_scalar(TAG, 1.0, 0)
    multiplexer = EventMultiplexer(tensor_size_guidance={"camaug": 0})
    multiplexer.AddRunsFromDirectory(str(tmp_path))
    multiplexer.Reload()
    if request.param == "multiplexer":
        return MultiplexerReader(multiplexer)
    return ProviderReader(MultiplexerDataProvider(multiplexer, str(tmp_path)), RequestContext())


def test_only_runs_with_blobs_are_listed(reader):
    assert reader.tags() == {"a": [TAG]}


def test_wall_times_of_ascending_steps(reader):
    assert reader.wall_times({"a": [TAG]}) == {"a": {TAG: {0: 1000.25, 1: 1001.25, 2: 1002.25}}}
    assert list(reader.wall_times({"a": [TAG]})["a"][TAG]) == [0, 1, 2]


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
