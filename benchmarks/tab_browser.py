"""A TensorBoard and a Chromium to measure the camaug tab with."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import threading
import urllib.parse
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["MeasuredPage", "Opening", "TensorBoardServer", "find_browser", "open_browser", "serve_logdir"]

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
VIEWPORT = {"width": 1400, "height": 900}
SETTLING = 30_000  # milliseconds until a page that does not paint counts as broken

# Records the times at which the first cell and all visible cells of the film strip are painted.
WATCH_CELLS = """
    window.cellTimes = {};
    const isPainted = (canvas) => canvas.width > 5 && canvas.getContext("2d").getImageData(5, 5, 1, 1).data[3] === 255;
    const watch = () => {
        const canvases = [...document.querySelectorAll(".series-line canvas")];
        const painted = canvases.filter(isPainted).length;
        if (painted > 0) window.cellTimes.first ??= performance.now();
        if (painted > 0 && painted === canvases.length) window.cellTimes.all ??= performance.now();
        if (window.cellTimes.all === undefined) requestAnimationFrame(watch);
    };
    requestAnimationFrame(watch);
"""

# Scrolls back and forth by the same distance in each frame, and returns the milliseconds between the frames.
SCROLL = """async ([axis, pixels, frames]) => {
    const strip = document.querySelector(".strip");
    const times = [];
    let direction = axis === "scrollLeft" ? -1 : 1;
    const frame = () => new Promise((done) => requestAnimationFrame(done));
    await frame();
    for (let i = 0; i <= frames; i++) {
        times.push(await frame());
        const before = strip[axis];
        strip[axis] += direction * pixels;
        if (strip[axis] === before) direction *= -1;
    }
    return times.slice(1).map((time, i) => time - times[i]);
}"""

# Moves the cursor through the snapshots, one key a frame, back from the last to the first and forth again.
CHANGE_COLUMNS = """async ([changes, columns]) => {
    const frame = () => new Promise((done) => requestAnimationFrame(done));
    window.columnChanges ??= 0;
    for (let i = 0; i < changes; i++, window.columnChanges++) {
        const isBack = Math.floor(window.columnChanges / (columns - 1)) % 2 === 0;
        const key = isBack ? "ArrowLeft" : "ArrowRight";
        document.body.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
        await frame();
    }
}"""


@dataclass(frozen=True)
class Opening:
    """Measurements of one opening of the tab.

    Attributes:
        first_cell: Seconds from the navigation to the first painted cell.
        all_cells: Seconds from the navigation until all visible cells are painted.
        requests: Number of requests of the page, without the page itself.
        kilobytes: Size of the responses as transferred.
        processor_time: Processor seconds of the page's main thread.
        slowest: Seconds of the slowest response of each route.
    """

    first_cell: float
    all_cells: float
    requests: int
    kilobytes: float
    processor_time: float
    slowest: Mapping[str, float]


class MeasuredPage:
    """The tab in a browser page, without TensorBoard's frame around it.

    Args:
        context: Playwright's browser context.
        url: Address of the tab.
        view: View state in the address.
    """

    def __init__(self, context: Any, url: str, view: Mapping[str, Any]) -> None:
        self._context = context
        self._page = context.new_page()
        self._page.add_init_script(WATCH_CELLS)
        self._devtools = context.new_cdp_session(self._page)
        self._devtools.send("Performance.enable", {"timeDomain": "threadTicks"})
        self._page.goto(f"{url}#p.camaug.view={urllib.parse.quote(json.dumps(view))}", wait_until="commit")
        self._page.wait_for_function("window.cellTimes.all !== undefined", timeout=SETTLING)

    def opening(self) -> Opening:
        """Return how long the page took to open, and what it loaded meanwhile."""
        times = self._page.evaluate("window.cellTimes")
        resources = self._page.evaluate(
            """performance.getEntriesByType("resource").map(({ name, transferSize, duration }) =>
                [new URL(name).pathname.split("/plugin/camaug/")[1] ?? "", transferSize, duration])"""
        )
        slowest: dict[str, float] = {}
        for route, _, duration in resources:
            slowest[route] = max(slowest.get(route, 0.0), duration / 1000)
        kilobytes = sum(size for _, size, _ in resources) / 1000
        used = self._metrics()["TaskDuration"]
        return Opening(times["first"] / 1000, times["all"] / 1000, len(resources), kilobytes, used, slowest)

    def scroll(self, axis: str, pixels: int, frames: int) -> tuple[list[float], list[float]]:
        """Scroll the film strip.

        Args:
            axis: ``scrollLeft`` or ``scrollTop``.
            pixels: Distance in each frame.
            frames: Number of frames.

        Returns:
            Milliseconds of each frame, and the mean processor milliseconds of a frame in scripts, in style, in layout
            and in all of the main thread's tasks.
        """
        before = self._metrics()
        intervals = self._page.evaluate(SCROLL, [axis, pixels, frames])
        after = self._metrics()
        names = ("ScriptDuration", "RecalcStyleDuration", "LayoutDuration", "TaskDuration")
        return intervals, [1000 * (after[name] - before[name]) / frames for name in names]

    def change_columns(self, changes: int, columns: int) -> None:
        """Move the cursor to another snapshot a number of times, once a frame."""
        self._page.evaluate(CHANGE_COLUMNS, [changes, columns])

    def memory(self) -> tuple[float, int, int]:
        """Return, after a garbage collection, the JavaScript heap in MB and the numbers of DOM nodes and listeners."""
        for _ in range(2):
            self._devtools.send("HeapProfiler.collectGarbage")
        metrics = self._metrics()
        return metrics["JSHeapUsedSize"] / 1e6, int(metrics["Nodes"]), int(metrics["JSEventListeners"])

    def close(self) -> None:
        """Close the page with its profile."""
        self._context.close()

    def _metrics(self) -> dict[str, float]:
        return {entry["name"]: entry["value"] for entry in self._devtools.send("Performance.getMetrics")["metrics"]}


@dataclass(frozen=True)
class TensorBoardServer:
    """A running TensorBoard.

    Attributes:
        url: Its address.
        pid: Number of its process.
    """

    url: str
    pid: int

    @property
    def tab_url(self) -> str:
        """The tab's page alone, which TensorBoard shows in an iframe."""
        return f"{self.url}data/plugin_entry.html?name=camaug"

    def processor_time(self) -> float:
        """Return the processor seconds that TensorBoard and its data server have used."""
        return sum(_processor_time(stat) for stat in Path("/proc").glob("[0-9]*/stat") if self._is_part(stat))

    def _is_part(self, stat: Path) -> bool:
        return self.pid in (int(stat.parent.name), int(_stat_fields(stat)[1]))


def find_browser() -> str | None:
    """Return the path of an installed Chromium or Chrome, or None."""
    return next(filter(None, map(shutil.which, PROGRAMS)), None)


@contextmanager
def open_browser(program: str, url: str) -> Iterator[Callable[[Mapping[str, Any]], MeasuredPage]]:
    """Start a browser, and yield a function that opens a view of the tab in a new profile."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as session:
        arguments = ["--no-sandbox", "--enable-precise-memory-info"]
        browser = session.chromium.launch(executable_path=program, args=arguments)
        yield lambda view: MeasuredPage(browser.new_context(viewport=VIEWPORT), url, view)
        browser.close()


@contextmanager
def serve_logdir(logdir: str, *options: str) -> Iterator[TensorBoardServer]:
    """Start TensorBoard on a log directory. It loads in the background."""
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", logdir, "--port", "0", "--host", "127.0.0.1"]
    process = subprocess.Popen(
        [*command, "--reload_interval", "5", *options],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert process.stderr is not None
    try:
        yield TensorBoardServer(_read_address(process.stderr), process.pid)
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


def _read_address(lines: Any) -> str:
    read = []
    for line in lines:
        read.append(line)
        if match := re.search(r"http://127\.0\.0\.1:\d+/", line):
            threading.Thread(target=lines.read, daemon=True).start()  # so that the pipe never fills
            return match[0]
    raise RuntimeError("TensorBoard did not start:\n" + "".join(read))


def _processor_time(stat: Path) -> float:
    user, system = _stat_fields(stat)[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def _stat_fields(stat: Path) -> list[str]:
    """Return the fields of a Linux process after its name, beginning with its state, or zeros if it has ended."""
    try:
        return stat.read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return ["0"] * 13
