"""The camaug tab on a large log directory, in a browser.

A run of 64 images in 100 snapshots is written as `CamLogger` writes it, with maps of 7 × 7 and three in ten predictions
wrong, and copied to ten folders. Chromium, without a window and without a GPU, opens the tab alone after TensorBoard
has loaded the files. Each opening has a new browser profile without a cache; the values are medians. *First cell* and
*all cells* are the seconds from the navigation to the first heatmap and to the last visible one. *Server* and *page*
are the processor seconds of TensorBoard and of the page's main thread until then, which depend less on other work of
the machine.

While the film strip scrolls by the same distance in each frame, the intervals between the frames are measured, and the
processor milliseconds that the page's main thread takes of each: 20 ms are 50 frames a second. The memory is measured
after a garbage collection.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch.nn.functional as F
from tensorboard.compat.proto import event_pb2, summary_pb2
from tensorboard.summary.writer.record_writer import RecordWriter
from torch.utils.tensorboard import SummaryWriter

from benchmarks.options import Options
from benchmarks.tab import photos_of, random_snapshot, write_run
from benchmarks.tab_browser import MeasuredPage, TensorBoardServer, find_browser, open_browser, serve_logdir
from camaug.experiments.table import Cell, Table

__all__ = ["append_images", "measure", "write_runs"]

ROUTES = ("runs", "snapshots", "maps")
PIXELS_A_FRAME = 24
LATE = 20  # milliseconds of a frame below 50 a second
LOADERS = {"fast loader": (), "Python loader": ("--load_fast=false",)}
SECONDS = ("first cell, s", "all cells, s", "server, s", "page, s", *(f"slowest of {route}, s" for route in ROUTES))
OPENING_COLUMNS = (*SECONDS, "requests", "kB")
OPENING_FORMATS = {**dict.fromkeys(SECONDS, "{:.2f}"), "requests": "{:.0f}", "kB": "{:.0f}"}
SIDE = 64  # pixels of the images whose maps are drawn; the stored maps are of 7 × 7 whatever the images' size


def measure(options: Options) -> list[Table]:
    """Measure the tab on ten runs, with TensorBoard's two loaders."""
    runs, snapshots, images = (2, 6, 8) if options.quick else (10, 100, 64)
    size = f"{runs} runs, {snapshots} snapshots, {images} images"
    program = find_browser()
    if program is None:
        return [Table(f"opening, {size}", ("loader",), [], notes=["Not measured, because Chromium is not installed."])]
    with tempfile.TemporaryDirectory() as logdir:
        write_runs(options, Path(logdir), runs, snapshots, images)
        tables = _measure_logdir(options, logdir, program, (runs, snapshots, images), size)
        for run in range(1, runs):
            shutil.rmtree(Path(logdir, _name(run)))
        return [*tables, _measure_large_file(options, Path(logdir), program, (1, snapshots, images))]


def write_runs(options: Options, logdir: Path, runs: int, snapshots: int, images: int) -> None:
    """Write a run of random maps over photos into a log directory, and copy it until there are enough."""
    photos = photos_of(options, images)
    photos = photos.repeat(-(-images // len(photos)), 1, 1, 1)[:images]
    small = F.interpolate(photos, (SIDE, SIDE))
    random_snapshots = (replace(random_snapshot(small, number, (7, 7)), images=photos) for number in range(snapshots))
    first = logdir / _name(0)
    with SummaryWriter(first) as writer:
        write_run(writer, random_snapshots)
    for run in range(1, runs):
        shutil.copytree(first, logdir / _name(run))


def _measure_logdir(
    options: Options, logdir: str, program: str, counts: tuple[int, int, int], size: str
) -> list[Table]:
    runs, snapshots, _ = counts
    selections: dict[str, dict[str, Any]] = {"1 run": {}, f"{runs} runs": {"runs": [_name(run) for run in range(runs)]}}
    openings: list[list[Cell]] = []
    frames: list[list[Cell]] = []
    memory: list[list[Cell]] = []
    for loader, flags in LOADERS.items():
        with serve_logdir(logdir, *flags) as server, open_browser(program, server.tab_url) as open_page:
            _wait_until_loaded(server.url, counts)
            for selected, view in selections.items():
                open_view = partial(open_page, view)
                openings.append([loader, selected, *_median_opening(options, open_view, server)])
                if loader == next(iter(LOADERS)):
                    page = open_view()
                    frames += [[selected, *row] for row in _scroll(page, 20 if options.quick else 300)]
                    memory += [[selected, *row] for row in _change_columns(page, snapshots, options.quick)]
                    page.close()
    return [_opening_table(size, openings), _frame_table(size, frames), _memory_table(size, memory)]


def _measure_large_file(options: Options, logdir: Path, program: str, counts: tuple[int, int, int]) -> Table:
    """Measure the opening of a run whose event file also has images of 1 GB under another tag."""
    megabytes = 2 if options.quick else 1000
    (file,) = (logdir / _name(0)).iterdir()
    append_images(file, megabytes)
    rows: list[list[Cell]] = []
    for loader, flags in LOADERS.items():
        begun = time.perf_counter()
        with serve_logdir(str(logdir), *flags) as server, open_browser(program, server.tab_url) as open_page:
            _wait_until_loaded(server.url, counts)
            rows.append([loader, time.perf_counter() - begun])
            rows[-1] += _median_opening(options, partial(open_page, {}), server)
    columns = ("loader", "loading, s", *OPENING_COLUMNS)
    formats = {**OPENING_FORMATS, "loading, s": "{:.1f}"}
    return Table(f"opening, 1 run in an event file of {file.stat().st_size / 1e6:.0f} MB", columns, rows, formats)


def append_images(file: Path, megabytes: int) -> None:
    """Append images of 1 MB each under another tag to an event file."""
    image = summary_pb2.Summary.Image(height=1, width=1, colorspace=3, encoded_image_string=os.urandom(1_000_000))
    summary = summary_pb2.Summary(value=[summary_pb2.Summary.Value(tag="photos", image=image)])
    with file.open("ab") as stream:
        records = RecordWriter(stream)
        for step in range(megabytes):
            event = event_pb2.Event(step=step, wall_time=time.time(), summary=summary)
            records.write(event.SerializeToString())


def _median_opening(options: Options, open_view: Callable[[], MeasuredPage], server: TensorBoardServer) -> list[Cell]:
    values = []
    for _ in range(1 if options.quick else 5):
        begun = server.processor_time()
        page = open_view()
        used = server.processor_time() - begun
        opening = page.opening()
        page.close()
        slowest = (opening.slowest.get(route, 0.0) for route in ROUTES)
        times = (opening.first_cell, opening.all_cells, used, opening.processor_time)
        values.append([*times, *slowest, opening.requests, opening.kilobytes])
    return [statistics.median(column) for column in zip(*values, strict=True)]


def _scroll(page: MeasuredPage, count: int) -> Iterator[list[Cell]]:
    for direction, axis in (("columns", "scrollLeft"), ("rows", "scrollTop")):
        for state in ("while loading", "loaded"):
            intervals, costs = page.scroll(axis, PIXELS_A_FRAME, count)
            late = sum(interval > LATE for interval in intervals) / len(intervals)
            percentile = statistics.quantiles(intervals, n=20)[-1]
            yield [f"{direction}, {state}", statistics.median(intervals), percentile, late, *costs]


def _change_columns(page: MeasuredPage, snapshots: int, quick: bool) -> Iterator[list[Cell]]:
    changed = 0
    for total in (4, 8) if quick else (100, 500, 1000):
        page.change_columns(total - changed, snapshots)
        changed = total
        yield [total, *page.memory()]


def _opening_table(size: str, rows: list[list[Cell]]) -> Table:
    return Table(f"opening, {size}", ("loader", "selected", *OPENING_COLUMNS), rows, OPENING_FORMATS)


def _frame_table(size: str, rows: list[list[Cell]]) -> Table:
    milliseconds = ["median, ms", "95th percentile, ms", "scripts, ms", "style, ms", "layout, ms", "all tasks, ms"]
    columns = ("selected", "scrolling", *milliseconds[:2], f"over {LATE} ms", *milliseconds[2:])
    formats = {**dict.fromkeys(milliseconds, "{:.1f}"), f"over {LATE} ms": "{:.0%}"}
    return Table(f"scrolling, {size}", columns, rows, formats)


def _memory_table(size: str, rows: list[list[Cell]]) -> Table:
    columns = ("selected", "column changes", "JavaScript heap, MB", "DOM nodes", "listeners")
    return Table(f"memory, {size}", columns, rows, {"JavaScript heap, MB": "{:.1f}"})


def _wait_until_loaded(url: str, counts: tuple[int, int, int]) -> None:
    runs, snapshots, images = counts
    while True:
        with urllib.request.urlopen(f"{url}data/plugin/camaug/runs") as response:
            listed = json.load(response)["runs"]
        if len(listed) == runs and all((len(run["steps"]), run["probes"]) == (snapshots, images) for run in listed):
            return
        time.sleep(0.5)


def _name(run: int) -> str:
    return f"run {run}"
