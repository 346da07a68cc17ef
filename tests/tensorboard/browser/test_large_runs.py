"""Only what is visible of 200 images in 100 epochs by 3 methods is loaded and drawn."""

from __future__ import annotations

import base64
import functools
import io
import json
import urllib.parse

import pytest
from PIL import Image

from tests.tensorboard.browser.page_tools import wait_for_frames, wait_for_paint, wait_for_script
from tests.tensorboard.conftest import make_snapshot, step_of, write_run
from tests.tensorboard.tensorboard_process import TensorBoardProcess
from tests.tensorboard.waiting import wait_until

METHODS = ("grad-cam", "group-cam", "score-cam")
EPOCHS = 100
IMAGES = 200
SMALL = {"width": 1000, "height": 700}


class LargeRunServer:
    """Handlers that respond like the server to requests about a large run, and record the requested maps.

    Attributes:
        requested: Method, image and epochs of each map request.
    """

    def __init__(self) -> None:
        self.epochs = list(range(EPOCHS))
        self.steps = [step_of(epoch) for epoch in self.epochs]
        self.requested: list[tuple[str, str, range]] = []

    def routes(self):
        return {f"**/plugin/camaug/{name}*": getattr(self, name) for name in ("runs", "snapshots", "maps", "original")}

    def runs(self, route) -> None:
        series = {"run": "large", "prefix": "cam", "steps": self.steps, "wall_times": self.steps, "probes": IMAGES}
        route.fulfill(json={"runs": [{**series, "method": method} for method in METHODS]})

    def snapshots(self, route) -> None:
        route.fulfill(body=self.snapshots_json, content_type="application/json")

    @functools.cached_property
    def snapshots_json(self) -> str:
        values = {
            "predicted": 0,
            "correct": True,
            "confidence": 0.8,
            "true_confidences": [0.5],
            "drift": 0.1,
            "object_energy": None,
            "warning": "",
            "top_classes": [[0, 0.8]],
        }
        response = {
            "classes": ["ant", "bee"],
            "multi_label": False,
            "steps": self.steps,
            "wall_times": self.steps,
            "settings": "",
            "layer": "",
            "metrics": {},
            "epochs": self.epochs,
            "probes": [{"id": index, "labels": [index % 2]} for index in range(IMAGES)],
            "snapshots": {name: [[value] * IMAGES] * EPOCHS for name, value in values.items()},
        }
        return json.dumps(response)

    def maps(self, route) -> None:
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(route.request.url).query)
        requested = range(int(query["first"][0]), int(query["last"][0]) + 1)
        steps = [step for step in self.steps if step in requested]
        epochs = range(self.steps.index(steps[0]), self.steps.index(steps[-1]) + 1)
        self.requested += [(query["method"][0], probe, epochs) for probe in query["probe"]]
        maps = {
            "steps": steps,
            "sizes": [[7, 7]] * len(epochs),
            "classes": [[0]] * len(epochs),
            "values": [[base64.b64encode(bytes(range(100, 149))).decode()]] * len(epochs),
            "ranges": [[[0, 1]]] * len(epochs),
        }
        route.fulfill(json={"maps": dict.fromkeys(query["probe"], maps), "errors": {}})

    def original(self, route) -> None:
        content = io.BytesIO()
        Image.new("RGB", (8, 8), (200, 100, 50)).save(content, "JPEG")
        route.fulfill(body=content.getvalue(), content_type="image/jpeg")


def test_only_what_is_visible_is_loaded_and_drawn(make_page, tensorboard):
    server = LargeRunServer()
    page = make_page(
        tensorboard.tab_url,
        routes=server.routes(),
        set_up=lambda page: page.clock.install(),
        viewport={"width": 1400, "height": 900},
    )
    wait_for_paint(page)
    rows = page.locator(".image-row").count()
    assert 3 <= rows <= 12
    first_requests = wait_for_requests(page, server, 0)
    epoch_ranges = {epochs for _, _, epochs in first_requests}
    assert len(first_requests) == len(set(first_requests)) == rows * len(METHODS) * len(epoch_ranges)
    assert min(map(min, epoch_ranges)) > 60  # the newest epochs are visible
    assert page.locator(".series-line").first.locator(".cell").count() < 40
    assert page.locator(".series-line canvas").first.evaluate("(canvas) => canvas.width") < 1400

    scroll_to_the_last_image(page)
    last_requests = wait_for_requests(page, server, len(first_requests))
    assert page.locator(".image-row").count() <= rows + 2
    assert len(last_requests) <= (rows + 2) * len(METHODS) * len(epoch_ranges)  # nothing of what was scrolled past
    assert min(int(probe) for _, probe, _ in last_requests) > IMAGES - 2 * rows

    page.locator(".strip").evaluate("(strip) => { strip.scrollLeft = 0; }")
    page.wait_for_selector(".column button:text-is('0')")
    wait_for_paint(page)
    old_epochs = wait_for_requests(page, server, len(first_requests) + len(last_requests))
    assert max(max(epochs) for _, _, epochs in old_epochs) < 40


def scroll_to_the_last_image(page) -> None:
    """Scroll in 50 steps of 10 ms of the page's clock, which is too fast for loading to begin."""
    page.clock.pause_at(page.evaluate("Date.now() / 1000 + 1"))
    for step in range(51):
        page.locator(".strip").evaluate(
            """(strip, fraction) => {
                strip.scrollTop = fraction * strip.scrollHeight;
                strip.dispatchEvent(new Event("scroll"));  // at once, not with the next frame
            }""",
            step / 50,
        )
        page.clock.run_for(10)
    page.clock.resume()
    page.wait_for_selector(".cell[aria-label*='image 199,']", state="attached")
    wait_for_paint(page)


def wait_for_requests(page, server: LargeRunServer, start: int) -> list[tuple[str, str, range]]:
    """Return the map requests from number ``start`` on, once every visible cell is drawn."""
    wait_until(lambda: len(server.requested) > start, "maps are requested")
    wait_for_all_cells(page)
    wait_for_frames(page)
    return server.requested[start:]


def wait_for_all_cells(page) -> None:
    """Wait until no visible cell is a placeholder."""
    is_drawn = """() => [...document.querySelectorAll(".series-line canvas")].every((canvas) => {
        const { data } = canvas.getContext("2d").getImageData(0, 5, canvas.width, 1);
        const alphas = data.filter((_, i) => i % 4 === 3);
        return !alphas.some((alpha) => alpha > 0 && alpha < 200);
    })"""
    wait_for_script(page, is_drawn)


# The page's frames come from a loop, so that nothing depends on the machine's load.
FRAMES = """
    const callbacks = [];
    window.requestAnimationFrame = (callback) => callbacks.push(callback);
    window.drawFrame = () => { for (const callback of callbacks.splice(0)) callback(performance.now()); };
"""


def open_large_run(make_page, tensorboard, **options):
    page = make_page(tensorboard.tab_url, routes=LargeRunServer().routes(), viewport=SMALL, **options)
    wait_for_paint(page)
    return page


def test_scrolling_and_a_thousand_changes_of_the_column_leave_nothing_behind(make_page, tensorboard):
    page = open_large_run(make_page, tensorboard)
    wait_for_all_cells(page)
    page.evaluate(f"() => {{ {FRAMES} }}")
    elements = page.evaluate(
        """() => {
            const strip = document.querySelector(".strip");
            return Array.from({ length: 60 }, (_, i) => {
                strip.scrollTop = (i % 20) * 400;
                strip.scrollLeft = (i % 15) * 300;
                strip.dispatchEvent(new Event("scroll"));
                drawFrame();
                return ["*", "canvas"].map((selector) => document.querySelectorAll(selector).length);
            });
        }"""
    )
    most, fewest = map(max, zip(*elements, strict=True)), map(min, zip(*elements, strict=True))
    assert all(high < 2 * low for high, low in zip(most, fewest, strict=True))

    devtools = page.context.new_cdp_session(page)
    devtools.send("Performance.enable")
    change = """(changes) => {
        for (let i = 0; i < changes; i++) {
            const key = i % 20 < 10 ? "ArrowLeft" : "ArrowRight";
            document.body.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
            drawFrame();
        }
    }"""
    page.evaluate(change, 100)
    first = counted(devtools)
    page.evaluate(change, 900)
    last = counted(devtools)
    assert last["JSEventListeners"] <= first["JSEventListeners"]
    assert last["Nodes"] <= 1.05 * first["Nodes"]
    assert last["JSHeapUsedSize"] <= 1.2 * first["JSHeapUsedSize"]


def counted(devtools) -> dict[str, float]:
    """Return Chromium's metrics of the page after a garbage collection."""
    for _ in range(2):
        devtools.send("HeapProfiler.collectGarbage")
    return {entry["name"]: entry["value"] for entry in devtools.send("Performance.getMetrics")["metrics"]}


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_real_server_shows_a_large_run(make_page, tmp_path, capsys):
    """Prints how long the first film strip takes to appear."""
    snapshots = [make_snapshot(epoch, IMAGES, (7, 7)) for epoch in range(EPOCHS)]
    for method in METHODS:
        write_run(tmp_path / "run", snapshots, method=method, suffix=f".{method}")
    with TensorBoardProcess(tmp_path) as tensorboard:
        cells = IMAGES * EPOCHS
        tensorboard.wait_for_runs(lambda runs: [len(run["steps"]) * run["probes"] for run in runs] == [cells] * 3)
        for opening in ("first", "second"):
            page = make_page(tensorboard.tab_url)
            wait_for_paint(page)
            seconds = page.evaluate("performance.now()") / 1000
            assert page.locator(".image-row").count() < 15
            with capsys.disabled():
                print(
                    f"\n{opening} opening of {IMAGES} images, {EPOCHS} epochs, {len(METHODS)} methods: {seconds:.2f} s"
                )
