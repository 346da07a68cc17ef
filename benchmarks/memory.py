"""The peak memory of methods with queries, above that of one forward of the same images.

Each figure is that of a process of its own. On a CPU it is the peak of the resident set while the call runs, which
the kernel is told to forget before (`/proc/self/clear_refs`, then `VmHWM`), with the allocator set to give memory
back at once; on a GPU `torch.cuda.max_memory_allocated`. The chunk of queries in one forward is fixed at the number
of images of the smallest batch, so that the claim can be read off: what is above the forward does not grow with the
groups G or the channels K, and with the images N only by what each image must keep, its maps, masks and blurred
baseline.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, NamedTuple

import torch

from benchmarks.options import Options
from benchmarks.peers import targets_of
from benchmarks.subjects import layers_by_channels, make_images, make_model
from benchmarks.timing import FORWARD, forward_pass
from camaug import get_explainer
from camaug.augmentation.group_cam_transform import augmentation_explainer
from camaug.experiments.report import Cell, Table

__all__ = ["measure", "probe"]

ROOT = Path(__file__).parents[1]
GROUPS, TIMES, MASKS = (4, 16, 64), (1, 2, 4), (64, 128)
MEGABYTE = 2**20


class Point(NamedTuple):
    """A call whose peak is measured."""

    method: str
    varied: str
    value: int
    settings: dict[str, Any]
    options: Options


def measure(options: Options) -> list[Table]:
    """One table: a row for each method and size."""
    chunk = max(options.batch_size // 2, 1)
    small = replace(options, batch_size=chunk)
    model, _ = make_model(options)
    layers = layers_by_channels(model, make_images(options, 1))
    del model
    points: list[Point] = [Point("group-cam", "groups G", groups, {"groups": groups}, small) for groups in GROUPS]
    points += [Point("group-cam", "images N", n * chunk, {}, replace(options, batch_size=n * chunk)) for n in TIMES]
    points += [Point("score-cam", "channels K", count, {"layer": name}, small) for name, count in layers[:3]]
    points += [Point("rise", "masks", masks, {"masks": masks}, small) for masks in MASKS]
    if options.quick:
        points = points[:1]
    forwards = {size: _peak(FORWARD, {}, chunk, options_of) for size, options_of in _sizes(points).items()}
    rows: list[list[Cell]] = []
    for name, varied, value, settings, each in points:
        peak, forward = _peak(name, settings, chunk, each), forwards[each.batch_size]
        rows.append([name, varied, value, each.batch_size, forward, peak, peak - forward])
    formats = dict.fromkeys(COLUMNS[4:], "{:.1f}")
    notes = [f"{chunk} queries in one forward."]
    return [Table(f"memory, {options.model}, {options.image_size} px", COLUMNS, rows, formats, notes)]


COLUMNS = ("method", "what varies", "value", "images", "forward, MB", "method, MB", "above the forward, MB")


def _sizes(points: list[Point]) -> dict[int, Options]:
    return {point.options.batch_size: point.options for point in points}


def _peak(name: str, settings: dict[str, Any], chunk: int, options: Options) -> float:
    """The peak of one call in a process of its own, in MB above what was there before it."""
    asked = json.dumps({"name": name, "settings": settings, "chunk": chunk, "options": asdict(options)})
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    # Every tensor gets pages of its own, which go back when it does: kept ones would hide in the next peak.
    environment |= {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "65536", "MALLOC_TOP_PAD_": "0"}
    code = "import sys; from benchmarks.memory import probe; probe(sys.argv[1])"
    done = subprocess.run([sys.executable, "-c", code, asked], env=environment, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"the measurement of {name} in a process of its own failed:\n{done.stderr[-3000:]}")
    return float(done.stdout.split()[-1])


def probe(asked: str) -> None:
    """In a process of its own: print the peak memory of a call, in MB."""
    given = json.loads(asked)
    options = Options(**given["options"])
    model, _ = make_model(options)
    images = make_images(options)
    targets = targets_of(model, images)
    run: Callable[[], object] = forward_pass(model, images)
    if given["name"] != FORWARD:
        explainer = augmentation_explainer() if given["name"] == "group-cam" else get_explainer(given["name"])
        explainer = replace(explainer, chunk_size=given["chunk"], **given["settings"])

        def run() -> object:
            return explainer(model, images, targets)

        explainer_of_one = replace(explainer, **({"masks": 1} if given["name"] == "rise" else {}))
        explainer_of_one(model, images[:1], targets[:1])  # finds the layer, and loads what is loaded once
    targets_of(model, images[: given["chunk"]])
    before = _start(options.device)
    run()
    print(_read(options.device) - before)


def _start(device: torch.device) -> float:
    """Forget the peak so far; what is there now, in MB."""
    if device.type == "cuda":
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        return torch.cuda.memory_allocated() / MEGABYTE
    Path("/proc/self/clear_refs").write_text("5")
    return _status("VmRSS")


def _read(device: torch.device) -> float:
    return torch.cuda.max_memory_allocated() / MEGABYTE if device.type == "cuda" else _status("VmHWM")


def _status(name: str) -> float:
    found = re.search(rf"{name}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    if found is None:
        raise RuntimeError(f"/proc/self/status says no {name}: the memory of a CPU is measured on Linux alone")
    return int(found[1]) / 1024
