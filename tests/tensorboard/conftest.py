"""Runs of the camaug tab, written as CamLogger writes them, without a training."""

from __future__ import annotations

import json

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
from camaug.tensorboard.plugin import CamaugPlugin

CLASSES = ("ant", "<img src=x onerror=alert(1)>", "bee</script>")
SIZE = 24


def make_snapshot(epoch: int, probes: int = 4, grid: tuple[int, int] = (3, 6), *, indices=None) -> Snapshot:
    """A look that is different in every epoch and the same in every test."""
    generator = torch.Generator().manual_seed(100 * epoch + probes)
    maps, true_maps = (
        normalise(upsample(torch.rand(probes, 1, *grid, generator=generator), (SIZE, SIZE))[:, 0]) for _ in range(2)
    )
    probabilities = torch.rand(probes, len(CLASSES), generator=generator).softmax(dim=1)
    predicted = probabilities.argmax(dim=1)
    labels = [None if place == 3 else place % len(CLASSES) for place in range(probes)]
    same = torch.tensor([label is None or label == int(of) for label, of in zip(labels, predicted, strict=True)])
    true_maps = torch.where(same[:, None, None], maps, true_maps)
    masks = torch.zeros(probes, SIZE, SIZE, dtype=torch.bool)
    masks[1:, :12] = True
    return Snapshot(
        indices=[10 * place for place in range(probes)] if indices is None else indices,
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


def write_run(
    folder, snapshots, *, method="group-cam", prefix="cam", first_epoch=0, classes=CLASSES, suffix=""
) -> None:
    """Write looks, an epoch each, into an event file of their own."""
    previous = None
    with SummaryWriter(folder, filename_suffix=suffix) as writer:
        for epoch, alone in enumerate(snapshots, start=first_epoch):
            snapshot = with_drift(alone, None if previous is None else previous.true_maps)
            record = snapshot_record(snapshot, {f"{prefix}/centre_bias": 0.25 + epoch, "val/accuracy": 0.5})
            about = {"epoch": epoch, "step": 10 * epoch + 9, "method": method}
            about |= {"settings": f"{method} groups=32", "layer": "layer4"}
            if previous is None:
                write_originals(writer, snapshot, prefix, method, classes, epoch)
            write_strip(writer, snapshot, prefix, method, record, about)
            previous = snapshot


@pytest.fixture
def serve():
    """A client of the plugin in TensorBoard's own application, over what the Python loader has read of a folder."""

    def make(logdir, samples: int = 0) -> Tab:
        multiplexer = EventMultiplexer(size_guidance={"tensors": 10}, tensor_size_guidance={"camaug": samples})
        multiplexer.AddRunsFromDirectory(str(logdir))
        multiplexer.Reload()
        return Tab(multiplexer, str(logdir))

    return make


class Tab:
    """What a browser gets of the tab."""

    def __init__(self, multiplexer: EventMultiplexer, logdir: str) -> None:
        self.multiplexer = multiplexer
        provider = MultiplexerDataProvider(multiplexer, logdir)
        context = application.base_plugin.TBContext(
            data_provider=provider, multiplexer=multiplexer, logdir=logdir, flags=None
        )
        self.plugin = CamaugPlugin(context)
        self.client = Client(application.TensorBoardWSGI([self.plugin], data_provider=provider))

    def get(self, question: str, by: str = "GET", **arguments):
        return self.client.open(f"/data/plugin/camaug/{question}", method=by, query_string=arguments)

    def ask(self, question: str, **arguments):
        response = self.get(question, **arguments)
        assert response.status_code == 200, response.text
        assert response.headers["Content-Type"] == "application/json"
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        return json.loads(response.data)
