"""Cost of the camaug tab: bytes in the event file and in films, and response times of the server.

Random snapshots are written as `CamLogger` writes them. The images are drawn over photos if `CAMAUG_DATA` has some,
otherwise over noise, which JPEG cannot compress. "First screen" is what a browser requests when the tab is opened on
three methods, six requests at a time: the runs, the snapshots of each method, and the heatmaps of eight images in the
last 36 snapshots. TensorBoard's fast loader is a separate process, which needs one request a blob.
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
from camaug.callbacks._logging.logged_snapshots import logs_images_of
from camaug.callbacks._logging.snapshot import Snapshot
from camaug.callbacks._logging.write_to_logger import add_jpeg
from camaug.experiments.table import Cell, Table
from camaug.film.film_command import film_command
from camaug.functional.masks import normalise, upsample
from camaug.images.denormalise import denormalise
from camaug.tensorboard.plugin import CamaugPlugin
from camaug.utils.counted import counted

__all__ = ["measure", "photos_of", "random_snapshot", "write_run"]

METHODS = ("grad-cam", "group-cam", "score-cam")
CLASSES = [f"class {index}" for index in range(1000)]
VISIBLE_IMAGES = 8  # on the first screen
STEPS_PER_EPOCH = 100


def measure(options: Options) -> list[Table]:
    """Measure the size of a run's event file and the response times."""
    photos = photos_of(options, 2 if options.quick else 16)
    sizes = _file_sizes(photos, count=3 if options.quick else 100)
    films = _film_sizes(photos, count=3 if options.quick else 50)
    return [sizes, films, _response_times(*((3, 4) if options.quick else (200, 100)))]


def _file_sizes(photos: Tensor, count: int) -> Table:
    rows: list[list[Cell]] = []
    for name, grid in {"7 × 7": (7, 7), "14 × 14": (14, 14), "28 × 28": (28, 28), "pixel-level, 80 × 80": None}.items():
        snapshots = (random_snapshot(photos, number, grid) for number in range(count))
        rows.append(
            [f"blobs, maps {name}", _megabytes(lambda writer, snapshots=snapshots: write_run(writer, snapshots))]
        )
    snapshots = [random_snapshot(photos, number, (7, 7)) for number in range(max(1, count // 10))]
    logged = sum(logs_images_of(number, count) for number in range(count))
    for name, jpeg in {"images as JPEG": True, "images as PNG": False}.items():
        megabytes = _megabytes(lambda writer, jpeg=jpeg: _write_images(writer, snapshots, jpeg))
        per_snapshot = megabytes / len(snapshots)  # every snapshot has the same size
        rows.append([name, per_snapshot * count])
        if jpeg:
            rows.append([f"{name}, {logged} snapshots, as by default", per_snapshot * logged])
    notes = ["The images are those of TensorBoard's Images tab: 192 px a cell, three cells an image, and the overview."]
    return Table(f"event file, {len(photos)} images, {count} snapshots", ("what", "MB"), rows, {"MB": "{:.1f}"}, notes)


def _film_sizes(photos: Tensor, count: int) -> Table:
    rows: list[list[Cell]] = []
    for grid in ((7, 7), (28, 28)):
        with tempfile.TemporaryDirectory() as folder:
            with SummaryWriter(folder) as writer:
                write_run(writer, (random_snapshot(photos, number, grid) for number in range(count)))
            for images in (1, 4):
                film = film_command([folder, "--count", str(images)])
                rows.append([f"maps {grid[0]} × {grid[1]}, {counted(images, 'image')}", film.stat().st_size / 1e6])
    notes = ["The maps of each snapshot are random, and thus change more than those of a network in training."]
    return Table(f"film of {count} snapshots, {photos.shape[-1]} px", ("what", "MB"), rows, {"MB": "{:.2f}"}, notes)


def _response_times(probes: int, count: int) -> Table:
    photos = torch.rand(probes, 3, 64, 64)
    with tempfile.TemporaryDirectory() as folder:
        for method in METHODS:
            snapshots = (random_snapshot(photos, number, (7, 7)) for number in range(count))
            with SummaryWriter(f"{folder}/run", filename_suffix=f".{method}") as writer:
                write_run(writer, snapshots, method)
        loaders = {"Python loader": _python_loader, "fast loader": _fast_loader}
        times = {}
        for name, load in loaders.items():
            with load(folder) as tab:
                _wait_for(tab, count, probes)
                times[name] = _request_times(tab, min(probes, VISIBLE_IMAGES))
    requests = next(iter(times.values()))
    rows: list[list[Cell]] = [[request, *(times[name][request] for name in times)] for request in requests]
    formats = dict.fromkeys(times, "{:.3f}")
    title = f"responses, {probes} images, {count} snapshots, {len(METHODS)} methods, seconds"
    return Table(title, ("request", *times), rows, formats)


@dataclass
class TabServer:
    """The plugin without TensorBoard."""

    plugin: CamaugPlugin

    def fetch(self, route: str, **arguments: Any) -> bytes:
        """Return the content of a route."""
        response = Client(self.plugin.get_plugin_apps()[f"/{route}"]).get(f"/{route}", query_string=arguments)
        assert response.status_code == 200, response.text
        return response.data


def _request_times(tab: TabServer, rows: int) -> dict[str, float]:
    series = [{"run": "run", "prefix": "cam", "method": method} for method in METHODS]
    requests = {
        "runs": lambda: tab.fetch("runs"),
        "snapshots, one method": lambda: tab.fetch("snapshots", **series[0]),
        "heatmaps, one image": lambda: tab.fetch("maps", **series[0], probe=0),
        "original, one image": lambda: tab.fetch("original", run="run", prefix="cam", probe=0),
    }
    times = {name: _median_time(request) for name, request in requests.items()}
    return {**times, "first screen": _median_time(lambda: _first_screen(tab, series, rows))}


def _first_screen(tab: TabServer, series: list[dict[str, str]], rows: int) -> None:
    tab.fetch("runs")
    with ThreadPoolExecutor(6) as pool:  # as many at a time as browsers request
        list(pool.map(lambda each: tab.fetch("snapshots", **each), series))
        step_ranges = [_step_range(first, first + 15) for first in range(64, 100, 16)]
        map_requests = [{**each, **steps, "probe": list(range(rows))} for each in series for steps in step_ranges]
        list(pool.map(lambda each: tab.fetch("maps", **each), map_requests))


def _step_range(first_epoch: int, last_epoch: int) -> dict[str, int]:
    return {"first": STEPS_PER_EPOCH * first_epoch, "last": STEPS_PER_EPOCH * last_epoch}


def _median_time(request: Callable[[], object], rounds: int = 5) -> float:
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        request()
        times.append(time.perf_counter() - start)
    return sorted(times)[rounds // 2]


@contextlib.contextmanager
def _python_loader(folder: str) -> Iterator[TabServer]:
    multiplexer = EventMultiplexer(tensor_size_guidance={"camaug": 0})
    multiplexer.AddRunsFromDirectory(folder)
    multiplexer.Reload()
    provider = MultiplexerDataProvider(multiplexer, folder)
    yield TabServer(CamaugPlugin(TBContext(data_provider=provider, multiplexer=multiplexer)))


@contextlib.contextmanager
def _fast_loader(folder: str) -> Iterator[TabServer]:
    ingester = server_ingester.SubprocessServerDataIngester(
        server_ingester.get_server_binary(),
        folder,
        reload_interval=1,
        channel_creds_type=grpc_util.ChannelCredsType.LOCAL,
        samples_per_plugin={"camaug": 0},
    )
    ingester.start()
    yield TabServer(CamaugPlugin(TBContext(data_provider=ingester.data_provider)))


def _wait_for(tab: TabServer, count: int, probes: int) -> None:
    """Wait until everything is loaded, which the fast loader does in the background."""
    while True:
        runs = json.loads(tab.fetch("runs"))["runs"]
        if len(runs) == len(METHODS) and all(len(run["steps"]) == count and run["probes"] == probes for run in runs):
            return
        time.sleep(0.5)


def random_snapshot(photos: Tensor, number: int, grid: tuple[int, int] | None) -> Snapshot:
    """Draw predictions and maps for images (N, 3, H, W), with three in ten predictions wrong."""
    generator = torch.Generator().manual_seed(number)
    count, size = len(photos), (photos.shape[-2], photos.shape[-1])
    small = torch.rand(2 * count, 1, *(grid or size), generator=generator) ** 3
    maps, other_maps = normalise(upsample(small, size)[:, 0]).split(count)
    probabilities = (4 * torch.randn(count, len(CLASSES), generator=generator)).softmax(dim=1)
    predicted = probabilities.argmax(dim=1)
    is_wrong = torch.rand(count, generator=generator) < 0.3
    labels = torch.where(is_wrong, (predicted + 1) % len(CLASSES), predicted)
    true_maps = torch.where(is_wrong[:, None, None], other_maps, maps)
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


def write_run(writer: SummaryWriter, snapshots: Iterable[Snapshot], method: str = "group-cam") -> None:
    """Write snapshots as `CamLogger` writes them, one an epoch."""
    for epoch, snapshot in enumerate(snapshots):
        record = snapshot_record(snapshot, {f"cam/metric_{number}": 0.5 for number in range(12)})
        common = {"epoch": epoch, "step": STEPS_PER_EPOCH * epoch, "method": method, "layer": "layer4"}
        common["settings"] = f"{method} fuse=mean groups=32 theta=70.0 weighted=True subtract_baseline=True"
        if epoch == 0:
            write_originals(writer, snapshot, "cam", method, CLASSES, common["step"])
        write_strip(writer, snapshot, "cam", method, record, common)


def _write_images(writer: SummaryWriter, snapshots: list[Snapshot], jpeg: bool) -> None:
    add = add_jpeg if jpeg else SummaryWriter.add_image
    for step, snapshot in enumerate(snapshots):
        drawing = (snapshot, CLASSES, "viridis", 0.5)
        for index, panel in zip(snapshot.indices, draw_panels(*drawing), strict=True):
            add(writer, f"cam/{index}", panel, step)
        add(writer, "cam/overview", draw_overview(*drawing), step)


def _megabytes(write: Callable[[SummaryWriter], None]) -> float:
    with tempfile.TemporaryDirectory() as folder:
        with SummaryWriter(folder) as writer:
            write(writer)
        return sum(path.stat().st_size for path in Path(folder).iterdir()) / 1e6


def photos_of(options: Options, count: int) -> Tensor:
    """Load up to N photos (N, 3, H, W) in [0, 1], or draw noise where there are none."""
    photos = real_images(options, count)
    images = make_images(options, count) if photos is None else photos[0].cpu()
    return denormalise(images, None, None)
