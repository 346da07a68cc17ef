"""What the camaug tab costs: bytes in the event file, and the time of its answers.

The looks are drawn by chance and written as `CamLogger` writes them; the pictures are painted over photos where
`CAMAUG_DATA` has some, else over noise, which no JPEG makes small. "First screen" is what a browser asks when the tab
is opened on three methods, six questions at a time: the runs, the looks of each, and the maps of eight images in the
last 36 epochs.
TensorBoard's fast loader is a process of its own, which hands out each blob by a request.
"""

from __future__ import annotations

import contextlib
import json
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from tensorboard.backend.event_processing.data_provider import MultiplexerDataProvider
from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer
from tensorboard.data import server_ingester
from tensorboard.plugins.base_plugin import TBContext
from tensorboard.util import grpc_util
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter
from werkzeug.test import Client

from benchmarks.options import Options
from benchmarks.subjects import make_images, real_images
from camaug.callbacks._logging.draw_snapshot import draw_overview, draw_panels
from camaug.callbacks._logging.film_strip import snapshot_record, write_originals, write_strip
from camaug.callbacks._logging.image_epochs import logs_images_in_epoch
from camaug.callbacks._logging.snapshot import Snapshot
from camaug.callbacks._logging.write_image import add_jpeg
from camaug.experiments.table import Cell, Table
from camaug.functional.masks import normalise, upsample
from camaug.images.render import denormalise
from camaug.tensorboard.plugin import CamaugPlugin

__all__ = ["measure"]

METHODS = ("grad-cam", "group-cam", "score-cam")
CLASSES = [f"class {index}" for index in range(1000)]
ROWS = 8  # images on the first screen


def measure(options: Options) -> list[Table]:
    """Two tables: what a run takes on the disk, and how long the answers take."""
    sizes = _sizes(_photos(options, 2 if options.quick else 16), epochs=3 if options.quick else 100)
    return [sizes, _times(*((3, 4) if options.quick else (200, 100)))]


def _sizes(photos: Tensor, epochs: int) -> Table:
    rows: list[list[Cell]] = []
    for name, grid in {"7 × 7": (7, 7), "14 × 14": (14, 14), "28 × 28": (28, 28), "of pixels, 80 × 80": None}.items():
        snapshots = (_look(photos, epoch, grid) for epoch in range(epochs))
        rows.append(
            [f"blobs, maps {name}", _megabytes(lambda writer, snapshots=snapshots: _write_run(writer, snapshots))]
        )
    few = [_look(photos, epoch, (7, 7)) for epoch in range(max(1, epochs // 10))]  # of one size in every epoch
    for name, jpeg in {"pictures as JPEG": True, "pictures as PNG": False}.items():
        megabytes = _megabytes(lambda writer, jpeg=jpeg: _write_pictures(writer, few, jpeg))
        rows.append([name, megabytes * epochs / len(few)])
        if jpeg:
            pictured = sum(logs_images_in_epoch(epoch, epochs) for epoch in range(epochs))
            rows.append([f"{name}, of the {pictured} epochs that are logged", megabytes * pictured / len(few)])
    notes = [
        "The pictures are those of TensorBoard's Images tab: 192 px a cell, three cells an image, and the overview."
    ]
    return Table(f"event file, {len(photos)} images, {epochs} epochs", ("what", "MB"), rows, {"MB": "{:.1f}"}, notes)


def _times(probes: int, epochs: int) -> Table:
    photos = torch.rand(probes, 3, 64, 64)
    with tempfile.TemporaryDirectory() as folder:
        for method in METHODS:
            snapshots = (_look(photos, epoch, (7, 7)) for epoch in range(epochs))
            with SummaryWriter(f"{folder}/run", filename_suffix=f".{method}") as writer:
                _write_run(writer, snapshots, method)
        loaders = {"Python loader": _python_loader, "fast loader": _fast_loader}
        found = {}
        for name, load in loaders.items():
            with load(folder) as tab:
                _wait_for(tab, epochs, probes)
                found[name] = _answer_times(tab, min(probes, ROWS))
    rows: list[list[Cell]] = [[what, *(times[what] for times in found.values())] for what in next(iter(found.values()))]
    formats = dict.fromkeys(found, "{:.3f}")
    title = f"answers, {probes} images, {epochs} epochs, {len(METHODS)} methods, seconds"
    return Table(title, ("what", *found), rows, formats)


@dataclass
class Tab:
    """The plugin without TensorBoard around it."""

    plugin: CamaugPlugin

    def ask(self, question: str, **arguments: Any) -> bytes:
        answer = Client(self.plugin.get_plugin_apps()[f"/{question}"]).get(f"/{question}", query_string=arguments)
        assert answer.status_code == 200, answer.text
        return answer.data


def _answer_times(tab: Tab, rows: int) -> dict[str, float]:
    series = [{"run": "run", "prefix": "cam", "method": method} for method in METHODS]
    single = {
        "runs": lambda: tab.ask("runs"),
        "looks, one method": lambda: tab.ask("snapshots", **series[0]),
        "maps, one image": lambda: tab.ask("maps", **series[0], probe=0),
        "an original": lambda: tab.ask("original", run="run", prefix="cam", probe=0),
    }
    times = {name: _median(ask) for name, ask in single.items()}
    return {**times, "first screen": _median(lambda: _first_screen(tab, series, rows))}


def _first_screen(tab: Tab, series: list[dict[str, str]], rows: int) -> None:
    tab.ask("runs")
    with ThreadPoolExecutor(6) as browser:  # as many at a time as browsers ask
        list(browser.map(lambda each: tab.ask("snapshots", **each), series))
        spans = [{"first": first, "last": first + 15} for first in range(64, 100, 16)]
        asked = [{**each, **span, "probe": list(range(rows))} for each in series for span in spans]
        list(browser.map(lambda each: tab.ask("maps", **each), asked))


def _median(ask: Callable[[], object], rounds: int = 5) -> float:
    times = []
    for _ in range(rounds):
        begun = time.perf_counter()
        ask()
        times.append(time.perf_counter() - begun)
    return sorted(times)[rounds // 2]


@contextlib.contextmanager
def _python_loader(folder: str) -> Iterator[Tab]:
    multiplexer = EventMultiplexer(tensor_size_guidance={"camaug": 0})
    multiplexer.AddRunsFromDirectory(folder)
    multiplexer.Reload()
    provider = MultiplexerDataProvider(multiplexer, folder)
    yield Tab(CamaugPlugin(TBContext(data_provider=provider, multiplexer=multiplexer)))


@contextlib.contextmanager
def _fast_loader(folder: str) -> Iterator[Tab]:
    ingester = server_ingester.SubprocessServerDataIngester(
        server_ingester.get_server_binary(),
        folder,
        reload_interval=1,
        channel_creds_type=grpc_util.ChannelCredsType.LOCAL,
        samples_per_plugin={"camaug": 0},
    )
    ingester.start()
    yield Tab(CamaugPlugin(TBContext(data_provider=ingester.data_provider)))


def _wait_for(tab: Tab, epochs: int, probes: int) -> None:
    """Until all was loaded, which the fast loader does in the background."""
    while True:
        runs = json.loads(tab.ask("runs"))["runs"]
        if len(runs) == len(METHODS) and all(len(run["epochs"]) == epochs and run["probes"] == probes for run in runs):
            return
        time.sleep(0.5)


def _look(photos: Tensor, epoch: int, grid: tuple[int, int] | None) -> Snapshot:
    generator = torch.Generator().manual_seed(epoch)
    count, size = len(photos), (photos.shape[-2], photos.shape[-1])
    small = torch.rand(2 * count, 1, *(grid or size), generator=generator) ** 3
    maps, others = normalise(upsample(small, size)[:, 0]).split(count)
    probabilities = (4 * torch.randn(count, len(CLASSES), generator=generator)).softmax(dim=1)
    predicted = probabilities.argmax(dim=1)
    wrong = torch.rand(count, generator=generator) < 0.3
    labels = torch.where(wrong, (predicted + 1) % len(CLASSES), predicted)
    true_maps = torch.where(wrong[:, None, None], others, maps)
    indices, drift = list(range(count)), torch.rand(count, generator=generator)
    return Snapshot(
        indices,
        labels.tolist(),
        photos,
        probabilities,
        predicted,
        maps,
        true_maps,
        None,
        None,
        None,
        drift,
        drift,
        grid=grid,
    )


def _write_run(writer: SummaryWriter, snapshots: Iterable[Snapshot], method: str = "group-cam") -> None:
    for epoch, snapshot in enumerate(snapshots):
        record = snapshot_record(snapshot, {f"cam/figure_{number}": 0.5 for number in range(12)})
        about = {"epoch": epoch, "step": 100 * epoch, "method": method, "layer": "layer4"}
        about["settings"] = f"{method} fuse=mean groups=32 theta=70.0 weighted=True subtract_baseline=True"
        if epoch == 0:
            write_originals(writer, snapshot, "cam", method, CLASSES, epoch)
        write_strip(writer, snapshot, "cam", method, record, about)


def _write_pictures(writer: SummaryWriter, snapshots: list[Snapshot], jpeg: bool) -> None:
    add = add_jpeg if jpeg else SummaryWriter.add_image
    for epoch, snapshot in enumerate(snapshots):
        painted = (snapshot, CLASSES, "viridis", 0.5)
        for index, panel in zip(snapshot.indices, draw_panels(*painted), strict=True):
            add(writer, f"cam/{index}", panel, epoch)
        add(writer, "cam/overview", draw_overview(*painted), epoch)


def _megabytes(write: Callable[[SummaryWriter], None]) -> float:
    with tempfile.TemporaryDirectory() as folder:
        with SummaryWriter(folder) as writer:
            write(writer)
        return sum(path.stat().st_size for path in Path(folder).iterdir()) / 1e6


def _photos(options: Options, count: int) -> Tensor:
    found = real_images(options, count)
    images = make_images(options, count) if found is None else found[0].cpu()
    return denormalise(images, None, None)
