"""The camaug tab in a real browser, served by a real TensorBoard, on runs that are trained here."""

from __future__ import annotations

import base64
import functools
import io
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator

import lightning as L
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from camaug import GroupCAM
from camaug.callbacks import CamLogger
from camaug.images.render import COLORMAPS, colorize
from camaug.tensorboard.map_compression import restore_map
from camaug.tensorboard.report import make_report
from camaug.tensorboard.stored_map import StoredMap
from tests.tensorboard.conftest import make_snapshot, write_run

playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed: pip install '.[test]'")
CHROMIUM = shutil.which("chromium")
playwright.expect.set_options(timeout=30_000)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium: apt-get install chromium")

HOSTILE = "<img src=x onerror=document.title='taken'>"
CLASSES = ("left", HOSTILE, "right</script>")
EPOCHS = 4
IMAGES = 9
SIZE = 32
PATIENCE = 30_000  # milliseconds: of a machine with other things to do
CURRENT = ".cell[aria-selected='true']"


# The runs


class Net(L.LightningModule):
    """Convolutions whose features are 8 by 8, trained for a moment."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU(), nn.Conv2d(8, 8, 3, 2, 1), nn.ReLU())
        self.head = nn.Linear(8 * 8 * 8, len(CLASSES))

    def forward(self, images):
        return self.head(self.features(images).flatten(1))

    def training_step(self, batch, batch_idx):
        return F.cross_entropy(self(batch[0]), batch[1])

    def validation_step(self, batch, batch_idx):
        self.log("val/loss", F.cross_entropy(self(batch[0]), batch[1]))

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.05, momentum=0.9)


def squares() -> TensorDataset:
    """A bright square an image, whose place says the class."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(IMAGES) % len(CLASSES)
    images = torch.rand(IMAGES, 3, SIZE, SIZE, generator=generator) * 0.5
    for image, label in zip(images, labels.tolist(), strict=True):
        image[:, 10:20, 10 * label : 10 * label + 10] += 0.5
    return TensorDataset(images, labels)


def train(logdir, version: str, *callbacks, epochs: int = EPOCHS, seed: int = 0) -> None:
    L.seed_everything(seed, verbose=False)
    logger = L.pytorch.loggers.TensorBoardLogger(logdir, name="run", version=version, default_hp_metric=False)
    trainer = L.Trainer(
        logger=logger,
        callbacks=list(callbacks),
        max_epochs=epochs,
        accelerator="cpu",
        devices=1,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        log_every_n_steps=1,
        num_sanity_val_steps=0,
    )
    loader = DataLoader(squares(), batch_size=3)
    trainer.fit(Net(), loader, loader)


def logger(method="grad-cam", tag: str = "cam") -> CamLogger:
    plain = {"mean": (0, 0, 0), "std": (1, 1, 1), "fast": False, "trust_every_n_epochs": None}
    return CamLogger(method, images=IMAGES, class_names=CLASSES, tag=tag, **plain)


@pytest.fixture(scope="session")
def logdir(tmp_path_factory):
    """Two runs: one of two methods, and one of another seed."""
    folder = tmp_path_factory.mktemp("runs")
    small = GroupCAM(groups=4, theta=None, blur_kernel_size=5, blur_sigma=5.0)
    train(folder, "a", logger(), logger(small, "group"))
    train(folder, "b", logger(), seed=1)
    return folder


# TensorBoard and the browser


class TensorBoard:
    """A TensorBoard process on a folder."""

    def __init__(self, logdir) -> None:
        command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(logdir), "--port", "0"]
        environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
        options = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True, "env": environment}
        self.process = subprocess.Popen([*command, "--reload_interval", "1", "--host", "127.0.0.1"], **options)
        assert self.process.stderr is not None
        said = []
        for line in self.process.stderr:
            said.append(line)
            if found := re.search(r"http://127\.0\.0\.1:\d+/", line):
                self.url = found[0]
                return
        raise RuntimeError("TensorBoard did not start:\n" + "".join(said))

    @property
    def plugin(self) -> str:
        """The tab's page alone, as TensorBoard serves it to its frame."""
        return f"{self.url}data/plugin_entry.html?name=camaug"

    def ask(self, question: str, **arguments):
        query = urllib.parse.urlencode(arguments)
        with urllib.request.urlopen(f"{self.url}data/plugin/camaug/{question}?{query}") as response:
            return response.read()

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(60)
        self.process.stderr.close()


@pytest.fixture(scope="session")
def board(logdir) -> Iterator[TensorBoard]:
    board = TensorBoard(logdir)
    wait_for_runs(board, lambda runs: [len(run["epochs"]) for run in runs] == [EPOCHS] * 3)
    yield board
    board.stop()


def wait_for_runs(board: TensorBoard, are_there) -> None:
    """Until the server has read what was logged."""
    for _ in range(600):
        if are_there(json.loads(board.ask("runs"))["runs"]):
            return
        time.sleep(0.1)
    raise AssertionError("TensorBoard has not read the runs after a minute")


@pytest.fixture(scope="session")
def browser():
    with playwright.sync_playwright() as session:
        browser = session.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def make_page(browser):
    """A page whose every error fails the test."""
    contexts, errors = [], []

    def make(url: str, ready: str | None = CURRENT, routes=None, **options):
        context = browser.new_context(**{"viewport": {"width": 1400, "height": 1300}, **options})
        contexts.append(context)
        context.set_default_timeout(PATIENCE)
        context.set_default_navigation_timeout(4 * PATIENCE)  # TensorBoard's own page is six megabytes of script
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(error.stack))
        page.on("console", lambda message: errors.append(message.text) if "Security Policy" in message.text else None)
        for pattern, handler in (routes or {}).items():
            page.route(pattern, handler)
        page.goto(url)
        if ready:
            page.wait_for_selector(ready)
        return page

    yield make
    for context in contexts:
        context.close()
    assert errors == []


@pytest.fixture
def page(make_page, board):
    """The tab alone on the run of one method, every line painted."""
    page = make_page(f"{board.plugin}#{view(runs=['run/b'])}")
    wait_for_paint(page)
    return page


def view(**state) -> str:
    return f"p.camaug.view={urllib.parse.quote(json.dumps(state), safe='')}"


def wait_until(page, predicate: str, argument=None) -> None:
    """Ask until it is so: from here, since a page under a security policy may not ask itself again and again."""
    patience = time.monotonic() + PATIENCE / 1000
    while not page.evaluate(predicate, argument):
        assert time.monotonic() < patience, f"not so after {PATIENCE / 1000} s: {predicate}"
        page.wait_for_timeout(50)


def soon(check) -> None:
    """Until the assertions hold: what is painted comes after what is said."""
    patience = time.monotonic() + PATIENCE / 1000
    while True:
        try:
            return check()
        except AssertionError:
            if time.monotonic() > patience:
                raise
        time.sleep(0.1)


def wait_for_paint(page, canvas: str = ".line canvas") -> None:
    wait_until(
        page,
        """(selector) => {
            const isPainted = (canvas) => canvas.getContext("2d").getImageData(5, 5, 1, 1).data[3] === 255;
            const canvases = [...document.querySelectorAll(selector)].filter((canvas) => canvas.offsetParent !== null);
            return canvases.length > 0 && canvases.every(isPainted);
        }""",
        canvas,
    )


def pixels(page, selector: str) -> np.ndarray:
    """What is on a canvas: (H, W, 4), 0 to 255."""
    width, height, data = page.locator(selector).first.evaluate(
        """(canvas) => {
            const { width, height } = canvas;
            const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
            return [width, height, btoa(Array.from(data, (byte) => String.fromCharCode(byte)).join(""))];
        }"""
    )
    return np.frombuffer(base64.b64decode(data), np.uint8).reshape(height, width, 4).astype(int)


def logged_map(board, run: str, probe: int, epoch: int, side: int, *, which: str = "predicted") -> torch.Tensor:
    """A map (side, side) as the library restores it from what the server says."""
    maps = maps_of(board, run, probe)
    place = maps["epochs"].index(epoch)
    (width, height), (low, high) = maps["sizes"][place], maps[f"{which}_ranges"][place]
    values = base64.b64decode(maps[which][place])
    return restore_map(StoredMap(width, height, low, high, values), (side, side))


def maps_of(board, run: str, probe: int):
    return json.loads(board.ask("maps", run=run, prefix="cam", method="grad-cam", probe=probe))["maps"][str(probe)]


def painted(map_: torch.Tensor, colours: str) -> np.ndarray:
    """The map in colours: (H, W, 3), 0 to 255."""
    return (colorize(map_[None], colours)[0].permute(1, 2, 0) * 255).numpy()


def looks_of(board, run: str):
    return json.loads(board.ask("snapshots", run=run, prefix="cam", method="grad-cam"))


def image_numbers(page) -> list[int]:
    """The images that are shown, from top to bottom."""
    if page.locator(".strip").is_hidden():
        return []
    groups = page.locator(".group").evaluate_all(
        """(groups) => groups
            .map((group) => [group.getBoundingClientRect().top, group.querySelector(".about .quiet").textContent])
            .sort(([a], [b]) => a - b)
            .map(([, text]) => text)"""
    )
    return [int(text.split()[-1]) for text in groups]


def assert_images(page, expected: list[int]) -> None:
    assert image_numbers(page) == expected


def epoch_of(page) -> str:
    return page.locator(".epoch-said").inner_text()


# The tests


def test_tensorboard_shows_the_tab_with_every_epoch(make_page, board):
    page = make_page(board.url, ready=None)
    page.get_by_role("tab", name="camaug").click()
    frame = page.frame_locator("iframe")
    frame.locator(CURRENT).wait_for()
    assert frame.locator(".epoch button").all_inner_texts() == [str(epoch) for epoch in range(EPOCHS)]
    assert frame.locator(".group").count() == IMAGES
    assert frame.locator(".line").count() == IMAGES  # one series: the newest run has one method
    assert page.title() == "TensorBoard"


def test_dark_mode_is_tensorboards(make_page, board):
    page = make_page(f"{board.url}?darkMode=true#camaug", ready=None)
    root = page.frame_locator("iframe").locator(".camaug")
    root.wait_for()
    assert root.get_attribute("data-theme") == "dark"
    background = "(node) => getComputedStyle(node).backgroundColor"
    dark = root.evaluate(background)
    page.evaluate("document.body.classList.remove('dark-mode')")
    playwright.expect(root).to_have_attribute("data-theme", "light")
    assert root.evaluate(background) != dark


def test_a_reload_and_a_copied_link_restore_the_view(make_page, board):
    page = make_page(f"{board.url}#camaug", ready=None)
    frame = page.frame_locator("iframe")
    frame.get_by_label("Colours").select_option("inferno")
    frame.locator(".epoch button").nth(1).click()
    frame.locator(CURRENT).press("Enter")
    wait_until(page, 'decodeURIComponent(location.hash).includes(\'"page":"large"\')')
    page.reload()
    playwright.expect(frame.locator(".epoch-said")).to_have_text("epoch 1")
    playwright.expect(frame.get_by_role("heading", name="left, image 0")).to_be_visible()
    assert frame.get_by_label("Colours").input_value() == "inferno"
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    frame.locator("summary", has_text="Take away").click()
    frame.get_by_text("Copy a link to this view").click()
    playwright.expect(frame.get_by_text("Copied.")).to_be_visible()
    link = page.evaluate("navigator.clipboard.readText()")
    other = make_page(link, ready=None).frame_locator("iframe")
    playwright.expect(other.locator(".epoch-said")).to_have_text("epoch 1")
    playwright.expect(other.get_by_role("heading", name="left, image 0")).to_be_visible()
    assert other.get_by_label("Colours").input_value() == "inferno"


def test_the_slider_and_the_keys_move_everything(page):
    assert epoch_of(page) == f"epoch {EPOCHS - 1}"
    page.locator("#epoch").fill("1")
    playwright.expect(page.locator(CURRENT)).to_have_attribute("data-epoch", "1")
    page.locator(CURRENT).focus()
    page.keyboard.press("ArrowRight")
    playwright.expect(page.locator(CURRENT)).to_have_attribute("data-epoch", "2")
    page.keyboard.press("Home")
    playwright.expect(page.locator(CURRENT)).to_have_attribute("data-epoch", "0")
    page.keyboard.press("ArrowLeft")  # there is nothing before
    page.keyboard.press("End")
    playwright.expect(page.locator(CURRENT)).to_have_attribute("data-epoch", str(EPOCHS - 1))
    page.keyboard.press("ArrowDown")
    playwright.expect(page.locator(CURRENT)).to_have_attribute("aria-label", re.compile("image 1, epoch 3"))
    assert page.evaluate("document.activeElement.getAttribute('aria-label')").startswith(f"{HOSTILE}, image 1, epoch 3")
    page.keyboard.press("Enter")
    playwright.expect(page.get_by_role("heading", name="image 1")).to_be_visible()
    page.keyboard.press("ArrowUp")
    playwright.expect(page.get_by_role("heading", name="image 0")).to_be_visible()
    page.keyboard.press("Escape")
    playwright.expect(page.locator(".strip")).to_be_visible()
    page.keyboard.press("?")
    playwright.expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    playwright.expect(page.get_by_role("dialog")).to_be_hidden()
    page.locator(".chart svg").first.click(position={"x": 40, "y": 40})
    playwright.expect(page.locator(CURRENT)).to_have_attribute("data-epoch", "0")


def test_cells_say_what_was_predicted(page, board):
    snapshots = looks_of(board, "run/b")
    names = [*CLASSES]
    labels = page.locator(".line").nth(4).locator(".cell").evaluate_all("(all) => all.map((one) => one.ariaLabel)")
    row = re.search(r"image (\d+)", labels[0])
    place = [probe["id"] for probe in snapshots["probes"]].index(int(row[1]))
    for epoch, label in enumerate(labels):
        predicted, confidence = (snapshots["snapshots"][name][epoch][place] for name in ("predicted", "confidence"))
        right = "right" if predicted == snapshots["probes"][place]["label"] else "wrong"
        said = f"epoch {epoch}: predicted {names[predicted]}, {round(confidence * 100)} %, {right}"
        assert said in label


@pytest.mark.parametrize("width", [690, 700, 719, 720, 1000, 1400])
def test_heatmaps_stand_under_their_epochs(make_page, board, width):
    page = make_page(f"{board.plugin}#{view(runs=['run/b'])}", viewport={"width": width, "height": 800})
    middle = "(node) => { const box = node.getBoundingClientRect(); return (box.left + box.right) / 2; }"
    for epoch in range(EPOCHS):
        cell = page.locator(f".cell[data-epoch='{epoch}']").first.evaluate(middle)
        head = page.locator(".epoch button").nth(epoch).evaluate(middle)
        assert head == pytest.approx(cell, abs=2)
    left = "(node) => node.getBoundingClientRect().left"
    canvas = page.locator(".line canvas").first.evaluate(left)
    assert canvas == pytest.approx(page.locator(".cell[data-epoch='0']").first.evaluate(left), abs=1)
    about, said = (page.locator(selector).first for selector in (".naming .class-name", ".line-head .said"))
    a, b = about.bounding_box(), said.bounding_box()
    apart = a["x"] + a["width"] <= b["x"] or a["y"] + a["height"] <= b["y"]
    assert apart, (a, b)  # neither is printed over the other


def test_hostile_class_names_are_text(page):
    assert page.locator(".class-name", has_text="<img").first.inner_text() == HOSTILE
    page.locator(".class-name", has_text="<img").first.scroll_into_view_if_needed()
    assert page.locator("img").count() == 0
    page.locator(".cell[aria-label*='onerror']").first.click()
    playwright.expect(page.get_by_role("heading", name="onerror")).to_be_visible()
    assert page.locator("img").count() == 0
    assert page.title() == "camaug"


@pytest.mark.parametrize("colours", ["viridis", "turbo"])
def test_the_strip_shows_the_logged_maps(make_page, board, colours):
    page = make_page(f"{board.plugin}#{view(runs=['run/b'], show='map', colours=colours)}")
    wait_for_paint(page)
    strip = pixels(page, ".line canvas")
    side = strip.shape[0]
    for epoch in range(EPOCHS):
        left = epoch * (side + 4)
        shown = strip[:, left : left + side]
        expected = painted(logged_map(board, "run/b", 0, epoch, side), colours)
        corner = np.zeros((side, side), bool)
        corner[:17, :] = True  # the signs stand there
        error = np.abs(shown[..., :3] - expected).max(axis=2)
        assert error[~corner].max() <= 4  # a step of the table of 256 colours
        assert (shown[..., 3] == 255).all()


def test_opacity_and_threshold_act_on_the_raw_map(page, board):
    page.locator(CURRENT).press("Enter")
    wait_for_paint(page, ".picture canvas")
    original = pixels(page, ".picture:nth-child(1) canvas")[..., :3]
    jpeg = board.ask("original", run="run/b", prefix="cam", probe=0)
    side = len(original)
    picture = np.asarray(Image.open(io.BytesIO(jpeg)).convert("RGB").resize((side, side), Image.Resampling.BICUBIC))
    assert np.abs(original - picture).mean() < 6
    map_ = logged_map(board, "run/b", 0, EPOCHS - 1, side)
    heat = painted(map_, "viridis")
    assert np.abs(pixels(page, ".picture:nth-child(2) canvas")[..., :3] - heat).max() <= 4
    for opacity in (0.0, 0.35, 1.0):
        page.get_by_label("Opacity").fill(str(opacity))
        wait_until(page, f"document.querySelector('.pull output').textContent === '{opacity:.2f}'")
        blended = (1 - opacity) * original + opacity * heat
        soon(functools.partial(assert_overlay, page, blended, 5))
    page.get_by_label("Threshold").fill("0.5")
    below, above = (map_ < 0.49).numpy(), (map_ > 0.51).numpy()
    assert below.any()
    assert above.any()
    soon(functools.partial(assert_overlay, page, original, 1, below))
    assert_overlay(page, heat, 4, above)


def assert_overlay(page, expected, tolerance: int, where=...) -> None:
    overlay = pixels(page, ".picture:nth-child(3) canvas")[..., :3]
    assert np.abs(overlay - expected)[where].max() <= tolerance


def test_the_value_under_the_pointer(page, board):
    page.locator(CURRENT).press("Enter")
    wait_for_paint(page, ".picture canvas")
    canvas = page.locator(".picture:nth-child(1) canvas").first
    side = canvas.evaluate("(node) => node.clientWidth")
    x, y = side // 3, side // 2
    canvas.hover(position={"x": x, "y": y})
    said = page.locator(".look .readout").inner_text()
    values = logged_map(board, "run/b", 0, EPOCHS - 1, side)
    assert said.startswith(f"x {int(x / side * SIZE)}, y {int(y / side * SIZE)}: predicted class ")
    assert float(re.search(r"predicted class (\d\.\d+)", said)[1]) == pytest.approx(float(values[y, x]), abs=0.03)
    assert page.locator(".cross >> visible=true").count() >= 3  # on every picture


def test_the_heat_of_the_true_class(page, board):
    """Where the prediction is wrong, the true class's heatmap stands beside the predicted one's."""
    snapshots = looks_of(board, "run/b")
    ids = [probe["id"] for probe in snapshots["probes"]]
    maps = {probe: maps_of(board, "run/b", probe) for probe in ids}
    wrong = [(probe, epoch) for probe in ids for epoch in range(EPOCHS) if maps[probe]["true"][epoch] is not None]
    probe, epoch = wrong[0]
    page.locator(f".cell[aria-label*='image {probe}, epoch {epoch}']").click()
    playwright.expect(page.locator(".judgement")).to_contain_text("wrong")
    wait_for_paint(page, ".board[data-both] .picture:nth-child(5) canvas")
    shown = pixels(page, ".board[data-both] .picture:nth-child(5) canvas")[..., :3]
    expected = painted(logged_map(board, "run/b", probe, epoch, len(shown), which="true"), "viridis")
    assert np.abs(shown - expected).max() <= 4
    likeliest = page.locator(".top .label").all_inner_texts()
    named = [CLASSES[label] for label, _ in snapshots["snapshots"]["top_classes"][epoch][ids.index(probe)]]
    true = CLASSES[snapshots["probes"][ids.index(probe)]["label"]]
    assert likeliest == [name + (" (true)" if name == true else "") for name in named]


def test_compare_two_epochs(page, board):
    page.locator(CURRENT).press("c")
    wait_for_paint(page, ".picture canvas")
    for epoch, which in ((0, 1), (EPOCHS - 1, 2)):
        assert f"epoch {epoch}" in page.locator(f".compare .picture:nth-child({which}) figcaption").first.inner_text()
    shown = pixels(page, ".compare .picture:nth-child(3) canvas")[..., :3]
    first, last = (logged_map(board, "run/b", 0, epoch, len(shown)).numpy() for epoch in (0, EPOCHS - 1))
    rises, falls = last - first > 0.05, first - last > 0.05
    assert rises.any()
    assert falls.any()
    red, blue = shown[..., 0], shown[..., 2]
    assert (red > blue)[rises].all()  # orange: B is higher
    assert (blue > red)[falls].all()
    page.get_by_label("A: epoch", exact=True).select_option("same")
    playwright.expect(page.locator(".compare .picture:nth-child(1) .title").first).to_have_text(
        f"A: epoch {EPOCHS - 1}"
    )

    def no_difference_is_white() -> None:
        assert (pixels(page, ".compare .picture:nth-child(3) canvas")[..., :3] == 247).all()

    soon(no_difference_is_white)


def test_swipe_between_two_epochs(page):
    page.locator(CURRENT).press("c")
    page.get_by_role("button", name="Swipe").click()
    wait_for_paint(page, ".swipe canvas")
    handle = page.get_by_role("slider", name="Divider")
    for place, press in ((0.5, None), (0.54, "ArrowRight"), (0.0, "Home"), (1.0, "End")):
        if press:
            for _ in range(2 if press.startswith("Arrow") else 1):
                handle.press(press)
        playwright.expect(handle).to_have_attribute("aria-valuenow", str(round(100 * place)))
        assert_swiped(page, place)
    box = page.locator(".swipe canvas").first.bounding_box()
    page.mouse.move(box["x"] + 0.9 * box["width"], box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.25 * box["width"], box["y"] + 20)
    page.mouse.up()
    playwright.expect(handle).to_have_attribute("aria-valuenow", "25")
    assert_swiped(page, 0.25)
    assert epoch_of(page) == f"epoch {EPOCHS - 1}"  # the divider's keys moved the divider alone


def assert_swiped(page, place: float) -> None:
    """Left of the divider is A, right of it B, as a person sees it."""
    a, b = (pixels(page, f".swipe .picture:nth-child({which}) canvas")[..., :3] for which in (1, 2))
    assert np.abs(a - b).max() > 20
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    seen = page.screenshot(clip=page.locator(".swipe canvas").first.bounding_box())
    seen = np.asarray(Image.open(io.BytesIO(seen)).convert("RGB")).astype(int)
    side = len(a)
    away = np.abs(np.arange(side) - place * side) > 24  # from the handle
    inner = np.zeros((side, side), bool)
    inner[10:-10, 10:-10] = True  # the corners are round
    left = np.arange(side) < place * side
    for expected, columns in ((a, left & away), (b, ~left & away)):
        here = inner & columns[None]
        assert np.abs(seen - expected)[here].max(initial=0) <= 2


def test_compare_two_runs_and_two_methods(make_page, board):
    page = make_page(f"{board.plugin}#{view(runs=['run/a', 'run/b'], page='compare')}", ready=".compare canvas")
    playwright.expect(page.get_by_label("A: run and method").locator("option")).to_have_text(
        ["run/a · grad-cam", "run/a · group-cam (group)", "run/b · grad-cam"]
    )
    page.get_by_label("A: run and method").select_option("run/b|cam|grad-cam")
    title = page.locator(".compare .picture:nth-child(1) .title").first
    playwright.expect(title).to_have_text(f"A: run/b · grad-cam, epoch {EPOCHS - 1}")  # the same epoch of the other run

    def the_difference_is_that_of_the_runs() -> None:
        shown = pixels(page, ".compare .picture:nth-child(3) canvas")[..., :3]
        of_a, of_b = (logged_map(board, run, 0, EPOCHS - 1, len(shown)).numpy() for run in ("run/a", "run/b"))
        rises, falls = of_a - of_b > 0.05, of_b - of_a > 0.05
        assert rises.any() or falls.any()
        assert (shown[..., 0] > shown[..., 2])[rises].all()
        assert (shown[..., 2] > shown[..., 0])[falls].all()

    soon(the_difference_is_that_of_the_runs)


def test_runs_are_rows_beside_one_another(make_page, board):
    page = make_page(f"{board.plugin}#{view(runs=['run/b'])}")
    page.locator("summary", has_text="Runs").click()
    page.get_by_label("run/a").check()
    names = page.locator(".group").first.locator(".series-name")
    playwright.expect(names).to_have_text(["run/a · grad-cam", "run/a · group-cam (group)", "run/b · grad-cam"])
    wait_for_paint(page)
    page.locator("summary", has_text="Methods").click()
    page.get_by_role("checkbox", name="group-cam (group)").uncheck()
    playwright.expect(names).to_have_text(["run/a", "run/b"])  # what tells them apart
    playwright.expect(page.locator(".legend li")).to_have_text(["run/a", "run/b"])


def test_find_what_is_wrong_and_sort_by_confidence(page, board):
    snapshots = looks_of(board, "run/b")
    ids, labels = zip(*((probe["id"], probe["label"]) for probe in snapshots["probes"]), strict=True)
    for epoch in range(EPOCHS):
        page.locator("#epoch").fill(str(epoch))
        page.get_by_label("Right or wrong").select_option("wrong")
        predicted = snapshots["snapshots"]["predicted"][epoch]
        wrong = [ids[place] for place, label in enumerate(labels) if predicted[place] != label]
        found = f"{len(wrong)} of {IMAGES} images" if len(wrong) < IMAGES else f"{IMAGES} images"
        playwright.expect(page.locator(".found")).to_have_text(found)
        soon(functools.partial(assert_images, page, sorted(wrong)))
    page.get_by_label("Right or wrong").select_option("all")
    page.get_by_label("Sort by").select_option("confidence")
    page.get_by_role("button", name="Ascending").click()
    confidence = snapshots["snapshots"]["confidence"][EPOCHS - 1]
    expected = [ids[place] for place in np.argsort(-np.asarray(confidence), kind="stable")]
    playwright.expect(page.get_by_role("button", name="Descending")).to_be_visible()
    soon(functools.partial(assert_images, page, expected))
    page.get_by_label("Find by class name").fill("ONERROR")
    playwright.expect(page.locator(".found")).to_have_text(f"{IMAGES // 3} of {IMAGES} images")
    page.get_by_label("Find by class name").fill("no such class")
    playwright.expect(page.get_by_role("heading", name="No image matches")).to_be_visible()
    page.get_by_role("button", name="Show all").last.click()
    playwright.expect(page.locator(".found")).to_have_text(f"{IMAGES} images")


def test_what_became_wrong_and_how_often_it_changed(page):
    """Worked by hand: right (r) or wrong (w) in the epochs 0 to 3."""
    found = page.evaluate(
        """async (histories) => {
            const { arrange, becameWrong, changes } = await import("./static/filters.js");
            const { DEFAULTS } = await import("./static/state.js");
            const rows = Object.entries(histories).map(([name, history], id) => {
                const at = (epoch) => ({ right: history[epoch] === "r", flag: "", confidence: null, drift: id });
                return { id, className: name, members: [{ epochs: [0, 1, 2, 3], at }] };
            });
            const shown = (changed, epoch) =>
                arrange(rows, { ...DEFAULTS, ...changed }, epoch).map((row) => row.className);
            return {
                became: [0, 1, 2, 3].map((epoch) => shown({ verdict: "became" }, epoch)),
                changes: rows.map((row) => changes(row.members[0], 3)),
                restless: shown({ sort: "changes", descending: true }, 3),
                drifting: shown({ sort: "drift", descending: true }, 3),
                unknown: shown({ sort: "confidence", descending: true }, 3),
            };
        }""",
        {"good": "rrrr", "lost": "rrww", "bad": "wwww", "restless": "rwrw"},
    )
    assert found["became"] == [[], ["restless"], ["lost"], ["lost", "restless"]]
    assert found["changes"] == [0, 1, 0, 3]
    assert found["restless"] == ["restless", "lost", "good", "bad"]
    assert found["drifting"] == ["restless", "bad", "lost", "good"]
    assert found["unknown"] == ["good", "lost", "bad", "restless"]  # in the order of the data


def test_colours_and_enlarging_are_the_librarys(page):
    generator = np.random.default_rng(0)
    values = generator.integers(0, 256, (3, 5)).tolist()
    stops, large, centre = page.evaluate(
        """async (values) => {
            const { COLOURS } = await import("./static/colormaps.js");
            const { enlarge, valueAt } = await import("./static/paint.js");
            const map = { width: 5, height: 3, values: Uint8Array.from(values.flat()), low: -0.2, high: 1.1 };
            return [COLOURS, [...enlarge(map, 20, 30)], valueAt(map, 9.5 / 20, 4.5 / 30)];
        }""",
        values,
    )
    assert stops == {name: list(COLORMAPS[name]) for name in stops}
    assert "viridis" in stops
    assert "jet" not in stops
    expected = restore_map(StoredMap(5, 3, -0.2, 1.1, bytes(itertools.chain(*values))), (30, 20))
    assert np.asarray(large).reshape(30, 20) == pytest.approx(expected.numpy(), abs=1e-5)
    assert centre == pytest.approx(float(expected[4, 9]), abs=1e-5)


def test_a_link_from_anywhere_is_read_with_care(make_page, board):
    state = {"colours": "nonsense", "opacity": 7, "epoch": 1, "page": "<b>", "row": 3, "other": 1, "sort": "drift"}
    page = make_page(f"{board.plugin}#{view(**state)}")
    assert page.get_by_label("Colours").input_value() == "viridis"
    assert page.get_by_label("Sort by").input_value() == "drift"
    assert epoch_of(page) == "epoch 1"
    broken = make_page(f"{board.plugin}#p.camaug.view=%7Bbroken")
    assert epoch_of(broken) == f"epoch {EPOCHS - 1}"


@pytest.mark.parametrize("page_name", ["strip", "large", "compare"])
def test_the_view_as_a_picture(make_page, board, page_name):
    page = make_page(f"{board.plugin}#{view(runs=['run/b'], page=page_name, show='map')}", ready=".looks")
    canvas = {"strip": ".line canvas", "large": ".picture:nth-child(2) canvas", "compare": ".picture canvas"}[page_name]
    wait_for_paint(page, canvas)
    page.locator("summary", has_text="Take away").click()
    with page.expect_download() as download:
        page.get_by_text("Save this view as a picture").click()
    assert download.value.suggested_filename == f"camaug-{page_name}-epoch-{EPOCHS - 1}.png"
    picture = np.asarray(Image.open(download.value.path()).convert("RGB")).astype(int)
    part = pixels(page, f"{canvas} >> visible=true")[20:60, 20:60, :3]
    assert_contains(picture, part)


def assert_contains(picture: np.ndarray, part: np.ndarray) -> None:
    """Somewhere in the picture stands the part, pixel by pixel."""
    windows = np.lib.stride_tricks.sliding_window_view(picture[..., 1], part.shape[:2])[::1]
    candidates = np.argwhere(np.abs(windows[..., 0, 0] - part[0, 0, 1]) <= 1)
    high, wide = part.shape[:2]
    assert any(np.abs(picture[y : y + high, x : x + wide] - part).max() <= 1 for y, x in candidates)


def test_the_report_opens_from_the_disk_without_a_network(make_page, logdir, tmp_path):
    report = tmp_path / "camaug.html"
    report.write_bytes(make_report(logdir / "run" / "a"))
    asked = []
    routes = {"**": lambda route: (asked.append(route.request.url), route.continue_())}
    page = make_page(report.as_uri(), offline=True, routes=routes)
    wait_for_paint(page)
    assert page.locator(".strip").get_attribute("aria-rowcount") == str(2 * IMAGES + 1)
    assert page.locator(".group").first.locator(".series-name").all_inner_texts() == ["grad-cam", "group-cam (group)"]
    page.locator(CURRENT).press("Home")
    page.locator(CURRENT).press("Enter")
    wait_for_paint(page, ".picture canvas")
    playwright.expect(page.locator(".epoch-said")).to_have_text("epoch 0")
    page.locator(".cell[aria-label*='onerror']").first.wait_for(state="attached")
    assert page.title() == "camaug"
    assert {urllib.parse.urlsplit(url).scheme for url in asked} <= {"file", "data", "blob"}
    wait_until(page, "location.hash.includes('large')")
    page.reload()
    playwright.expect(page.locator(".epoch-said")).to_have_text("epoch 0")
    playwright.expect(page.locator(".look")).to_be_visible()


class Watcher(L.Callback):
    """Does something at the end of an epoch, when that epoch was logged."""

    def __init__(self, at_epoch: int, act) -> None:
        self.at_epoch, self.act = at_epoch, act

    def on_train_epoch_end(self, trainer, pl_module) -> None:
        if trainer.current_epoch == self.at_epoch:
            trainer.logger.experiment.flush()
            self.act()


def test_from_an_empty_folder_to_a_run_that_is_being_written(make_page, tmp_path):
    board = TensorBoard(tmp_path)
    try:
        page = make_page(f"{board.url}#camaug", ready=None)
        frame = page.frame_locator("iframe")
        nothing = frame.get_by_role("heading", name="No heatmaps here yet")
        playwright.expect(nothing).to_be_visible()
        playwright.expect(frame.get_by_text("CamLogger()])")).to_be_visible()
        train(tmp_path, "without", epochs=1)
        reload(page)
        playwright.expect(nothing).to_be_visible()

        def watch() -> None:
            see_epochs(page, frame, 2)
            frame.locator(".epoch button").first.click()
            frame.locator(CURRENT).press("ArrowDown")

        train(tmp_path, "watched", logger(), Watcher(1, watch), epochs=3)
        see_epochs(page, frame, 3)
        cursor = frame.locator(CURRENT)  # the place is kept
        playwright.expect(cursor).to_have_attribute("aria-label", re.compile("image 1, epoch 0"))
        board.stop()
        reload(page)
        playwright.expect(frame.get_by_role("alert")).to_contain_text("TensorBoard does not answer")
        playwright.expect(frame.locator(".group").first).to_be_visible()  # what was read stays
    finally:
        board.stop()


def reload(page) -> None:
    page.locator("button.reload-button").click()


def see_epochs(page, frame, number: int) -> None:
    """Press TensorBoard's reload until its server has read so many epochs."""
    for _ in range(40):
        if frame.locator(".epoch button").count() == number:
            return
        reload(page)
        page.wait_for_timeout(250)
    raise AssertionError(f"no {number} epochs are shown after ten seconds")


def test_an_error_of_the_server_is_said_and_tried_again(make_page, board):
    fails = [True]

    def answer(route) -> None:
        if fails[0]:
            route.fulfill(status=400, json={"error": "what was logged cannot be read (<b>zlib</b>)"})
        else:
            route.continue_()

    page = make_page(board.plugin, ready=".notice h2", routes={"**/snapshots?**": answer})
    playwright.expect(page.get_by_text("what was logged cannot be read (<b>zlib</b>)")).to_be_visible()
    fails[0] = False
    page.get_by_role("button", name="Try again").click()
    page.wait_for_selector(CURRENT)


# Scale: 200 images in 100 epochs by 3 methods


class Large:
    """Answers as the server would, and counts what it was asked."""

    methods = ("grad-cam", "group-cam", "score-cam")

    def __init__(self) -> None:
        self.epochs = list(range(100))
        self.probes = [{"id": place, "label": place % 2} for place in range(200)]
        self.maps_asked: list[tuple[str, str, range]] = []  # method, image, epochs

    def routes(self):
        return {f"**/plugin/camaug/{name}*": getattr(self, name) for name in ("runs", "looks", "maps", "original")}

    def runs(self, route) -> None:
        series = {"run": "large", "prefix": "cam", "epochs": self.epochs, "probes": len(self.probes)}
        route.fulfill(json={"runs": [{**series, "method": method} for method in self.methods]})

    def snapshots(self, route) -> None:
        route.fulfill(body=self.looks_answer, content_type="application/json")

    @functools.cached_property
    def looks_answer(self) -> str:
        def everywhere(value):
            return [[value] * len(self.probes) for _ in self.epochs]

        snapshots = {"predicted": 0, "confidence": 0.8, "true_confidence": 0.5, "drift": 0.1, "object_energy": None}
        snapshots |= {"warning": "", "top_classes": [[0, 0.8]]}
        snapshots = {name: everywhere(value) for name, value in snapshots.items()}
        about = {"classes": ["ant", "bee"], "steps": self.epochs, "settings": "", "layer": "", "metrics": {}}
        return json.dumps({**about, "epochs": self.epochs, "probes": self.probes, "snapshots": snapshots})

    def maps(self, route) -> None:
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(route.request.url).query)
        epochs = range(int(query["first"][0]), int(query["last"][0]) + 1)
        self.maps_asked += [(query["method"][0], probe, epochs) for probe in query["probe"]]
        number = len(epochs)
        maps = {"predicted": [base64.b64encode(bytes(range(100, 149))).decode()] * number, "true": [None] * number}
        ranges = {"predicted_ranges": [[0, 1]] * number, "true_ranges": [None] * number}
        answer = {"epochs": list(epochs), "sizes": [[7, 7]] * number, **maps, **ranges}
        route.fulfill(json={"maps": dict.fromkeys(query["probe"], answer), "errors": {}})

    def original(self, route) -> None:
        content = io.BytesIO()
        Image.new("RGB", (8, 8), (200, 100, 50)).save(content, "JPEG")
        route.fulfill(body=content.getvalue(), content_type="image/jpeg")


def test_only_what_is_in_sight_is_fetched_and_drawn(make_page, board):
    large = Large()
    page = make_page(board.plugin, routes=large.routes(), viewport={"width": 1400, "height": 900})
    wait_for_paint(page)
    page.wait_for_timeout(300)  # whatever else it might ask for
    rows = page.locator(".group").count()
    assert 3 <= rows <= 12
    spans = {epochs for _, _, epochs in large.maps_asked}
    assert len(large.maps_asked) == len(set(large.maps_asked)) == rows * len(large.methods) * len(spans)
    assert min(map(min, spans)) > 60  # the newest are in sight
    columns = page.locator(".line").first.locator(".cell").count()
    assert columns < 40
    assert page.locator(".line canvas").first.evaluate("(canvas) => canvas.width") < 1400
    before = len(large.maps_asked)
    page.locator(".strip").evaluate(
        """async (strip) => {
            for (let place = 0; place <= 1; place += 0.02) {
                strip.scrollTop = place * strip.scrollHeight;
                await new Promise(requestAnimationFrame);
            }
        }"""
    )
    page.wait_for_selector(".cell[aria-label*='image 199,']", state="attached")
    wait_for_paint(page)
    page.wait_for_timeout(300)
    fetched = len(large.maps_asked) - before
    assert fetched <= 3 * rows * len(large.methods) * len(spans)  # of 600 rows: what flew past was not asked for
    assert page.locator(".group").count() <= rows + 2
    page.locator(".strip").evaluate("(strip) => { strip.scrollLeft = 0; }")
    page.wait_for_selector(".epoch button:text-is('0')")
    wait_for_paint(page)
    assert max(max(epochs) for _, _, epochs in large.maps_asked[before + fetched :]) < 40


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_two_hundred_images_in_a_hundred_epochs_by_three_methods(make_page, tmp_path, capsys):
    """Says how long the first strip takes to appear; how long it may is not asserted."""
    snapshots = [make_snapshot(epoch, len(Large().probes), (7, 7)) for epoch in Large().epochs]
    for method in Large.methods:
        write_run(tmp_path / "run", snapshots, method=method, suffix=f".{method}")
    board = TensorBoard(tmp_path)
    try:
        wait_for_runs(board, lambda runs: [len(run["epochs"]) * run["probes"] for run in runs] == [20_000] * 3)
        for what in ("first", "second"):
            page = make_page(board.plugin)
            wait_for_paint(page)
            milliseconds = page.evaluate("performance.now()")
            assert page.locator(".group").count() < 15
            with capsys.disabled():
                print(f"\n{what} opening of 200 images, 100 epochs, 3 methods: {milliseconds / 1000:.2f} s")
    finally:
        board.stop()
