"""Peak memory of methods with queries, above the peak of one forward pass of the same images.

Each value is measured in a separate process. On a CPU it is the peak of the resident set during the call, which is
reset before it (`/proc/self/clear_refs`, then `VmHWM`), with the allocator set to return memory at once. On a GPU it is
`torch.cuda.max_memory_allocated`. The chunk of queries in one forward is fixed at the number of images in the smallest
batch. So the table shows that the memory above the forward does not grow with the groups G or the channels K, and grows
with the images N only by what is kept for each image: its maps, masks and blurred baseline.
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
from camaug.augmentation.augmentation_explainer import augmentation_explainer
from camaug.experiments.table import Cell, Table

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
    """Return one table with a row for each method and size."""
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
    """Measure the peak of one call in a process of its own, in MB above the memory before it."""
    request = json.dumps({"name": name, "settings": settings, "chunk": chunk, "options": asdict(options)})
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    # Every tensor gets pages of its own, which are returned with it, so that kept pages do not hide the next peak.
    environment |= {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "65536", "MALLOC_TOP_PAD_": "0"}
    code = "import sys; from benchmarks.memory import probe; probe(sys.argv[1])"
    done = subprocess.run([sys.executable, "-c", code, request], env=environment, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"the measurement of {name} in a process of its own failed:\n{done.stderr[-3000:]}")
    return float(done.stdout.split()[-1])


def probe(request: str) -> None:
    """Print the peak memory of a call in MB, in the process that ``measure`` starts for it."""
    call = json.loads(request)
    options = Options(**call["options"])
    model, _ = make_model(options)
    images = make_images(options)
    targets = targets_of(model, images)
    run: Callable[[], object] = forward_pass(model, images)
    if call["name"] != FORWARD:
        explainer = augmentation_explainer() if call["name"] == "group-cam" else get_explainer(call["name"])
        explainer = replace(explainer, chunk_size=call["chunk"], **call["settings"])

        def run() -> object:
            return explainer(model, images, targets)

        explainer_of_one = replace(explainer, **({"masks": 1} if call["name"] == "rise" else {}))
        explainer_of_one(model, images[:1], targets[:1])  # finds the layer, and loads what is loaded once
    targets_of(model, images[: call["chunk"]])
    before = _reset_peak(options.device)
    run()
    print(_peak_memory(options.device) - before)


def _reset_peak(device: torch.device) -> float:
    """Reset the peak, and return the memory in use in MB."""
    if device.type == "cuda":
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        return torch.cuda.memory_allocated() / MEGABYTE
    Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")
    return _status("VmRSS")


def _peak_memory(device: torch.device) -> float:
    return torch.cuda.max_memory_allocated() / MEGABYTE if device.type == "cuda" else _status("VmHWM")


def _status(name: str) -> float:
    match = re.search(rf"{name}:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="utf-8"))
    if match is None:
        raise RuntimeError(f"/proc/self/status has no {name}: the memory of a CPU can be measured on Linux only")
    return int(match[1]) / 1024
