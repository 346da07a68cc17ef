"""Runs of the camaug tab, written as CamLogger writes them, and a client of the server."""

from __future__ import annotations

import base64
import contextlib
import json
import types
from collections.abc import Iterator
from unittest import mock

import pytest
import torch
from tensorboard.backend import application
from tensorboard.backend.event_processing.data_provider import MultiplexerDataProvider
from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer
from torch.utils.tensorboard import SummaryWriter
from werkzeug.test import Client

from camaug.callbacks._logging.film_strip import snapshot_record, write_originals, write_strip
from camaug.callbacks._logging.snapshot import Snapshot
from camaug.callbacks._logging.with_drift import with_drift
from camaug.functional.masks import normalise, upsample
from camaug.tensorboard.map_compression import restore_map
from camaug.tensorboard.plugin import CamaugPlugin
from camaug.tensorboard.stored_map import StoredMap

CLASSES = ("ant", "<img src=x onerror=alert(1)>", "bee</script>")
SIZE = 24


def make_snapshot(epoch: int, probes: int = 4, grid: tuple[int, int] = (3, 6), *, indices=None) -> Snapshot:
    """Create a snapshot that differs in every epoch and is reproducible."""
    generator = torch.Generator().manual_seed(100 * epoch + probes)
    maps, true_maps = (
        normalise(upsample(torch.rand(probes, 1, *grid, generator=generator), (SIZE, SIZE))[:, 0]) for _ in range(2)
    )
    probabilities = torch.rand(probes, len(CLASSES), generator=generator).softmax(dim=1)
    predicted = probabilities.argmax(dim=1)
    labels = [None if index == 3 else index % len(CLASSES) for index in range(probes)]
    is_same = torch.tensor([label in (None, int(index)) for label, index in zip(labels, predicted, strict=True)])
    true_maps = torch.where(is_same[:, None, None], maps, true_maps)
    masks = torch.zeros(probes, SIZE, SIZE, dtype=torch.bool)
    masks[1:, :12] = True
    return Snapshot(
        indices=[10 * index for index in range(probes)] if indices is None else indices,
        labels=labels,
        images=torch.rand(probes, 3, SIZE, SIZE, generator=generator),
        probabilities=probabilities,
        predicted=predicted,
        maps=maps,
        true_maps=true_maps,
        masks=masks,
        layers=("layer4",),
        grid=grid,
    )


def upsampled_maps(grid, size, count=8, seed=0) -> torch.Tensor:
    """Create random maps (count, *size) in [0, 1] that are upsampled from a grid."""
    small = torch.rand(count, 1, *grid, generator=torch.Generator().manual_seed(seed))
    return normalise(upsample(small, size)[:, 0])


def step_of(epoch: int) -> int:
    """Return the global step of an epoch's snapshot, ten steps an epoch."""
    return 10 * epoch + 9


@contextlib.contextmanager
def written_at(seconds: float | None) -> Iterator[None]:
    """Set the wall time of the events that are written in the block, in seconds since 1970, or None for the clock."""
    if seconds is None:
        yield
        return
    with mock.patch("torch.utils.tensorboard.writer.time", types.SimpleNamespace(time=lambda: seconds)):
        yield


def write_run(
    folder,
    snapshots,
    *,
    method="group-cam",
    prefix="cam",
    first_epoch=0,
    classes=CLASSES,
    suffix="",
    position=None,
    wall_time=None,
) -> None:
    """Write snapshots into a new event file.

    Args:
        folder: Folder of the run.
        snapshots: The snapshots.
        method: Name of the explainer.
        prefix: First part of the tags.
        first_epoch: Epoch of the first snapshot.
        classes: Names of the classes.
        suffix: Suffix of the event file, different for each file of a run.
        position: Function from a snapshot's number, counted from ``first_epoch``, to its epoch and step; by default one
            snapshot an epoch.
        wall_time: Function from a snapshot's number to its wall time in seconds since 1970; by default the clock's.
    """
    position = position or (lambda number: (number, step_of(number)))
    previous = None
    with SummaryWriter(folder, filename_suffix=suffix) as writer:
        for number, original in enumerate(snapshots, start=first_epoch):
            epoch, step = position(number)
            snapshot = with_drift(original, None if previous is None else previous.true_maps)
            record = snapshot_record(snapshot, {f"{prefix}/centre_bias": 0.25 + number, "val/accuracy": 0.5})
            common = {"epoch": epoch, "step": step, "method": method}
            common |= {"settings": f"{method} groups=32", "layer": "layer4"}
            with written_at(None if wall_time is None else wall_time(number)):
                if previous is None:
                    write_originals(writer, snapshot, prefix, method, classes, step)
                write_strip(writer, snapshot, prefix, method, record, common)
            previous = snapshot


def decode_map(
    response, index: int, class_index: int | None = None, size: tuple[int, int] = (SIZE, SIZE)
) -> torch.Tensor:
    """Restore a map of one image from the server's response.

    Args:
        response: Maps of one image.
        index: Position in the response's steps.
        class_index: Class of the map, None for the predicted one.
        size: Height and width of the restored map.
    """
    position = 0 if class_index is None else response["classes"][index].index(class_index)
    (width, height), (low, high) = response["sizes"][index], response["ranges"][index][position]
    return restore_map(StoredMap(width, height, low, high, base64.b64decode(response["values"][index][position])), size)


@pytest.fixture
def serve():
    """Return a function that serves a log directory with TensorBoard's application and the Python loader."""

    def start(logdir, samples: int = 0) -> TabClient:
        multiplexer = EventMultiplexer(size_guidance={"tensors": 10}, tensor_size_guidance={"camaug": samples})
        multiplexer.AddRunsFromDirectory(str(logdir))
        multiplexer.Reload()
        return TabClient(multiplexer, str(logdir))

    return start


class TabClient:
    """HTTP client of the tab's server."""

    def __init__(self, multiplexer: EventMultiplexer, logdir: str) -> None:
        self.multiplexer = multiplexer
        provider = MultiplexerDataProvider(multiplexer, logdir)
        context = application.base_plugin.TBContext(
            data_provider=provider, multiplexer=multiplexer, logdir=logdir, flags=None
        )
        self.plugin = CamaugPlugin(context)
        self.client = Client(application.TensorBoardWSGI([self.plugin], data_provider=provider))

    def get(self, route: str, http_method: str = "GET", **arguments):
        return self.client.open(f"/data/plugin/camaug/{route}", method=http_method, query_string=arguments)

    def fetch(self, route: str, **arguments):
        """Return the decoded JSON of a route."""
        response = self.get(route, **arguments)
        assert response.status_code == 200, response.text
        assert response.headers["Content-Type"] == "application/json"
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        return json.loads(response.data)
