"""Two heatmaps of an image are compared side by side, by their difference and by swiping."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from tests.tensorboard.browser.page_tools import (
    CURRENT_CELL,
    canvas_pixels,
    expect,
    logged_map,
    shown_position,
    view_hash,
    wait_for_paint,
)
from tests.tensorboard.browser.training_runs import EPOCHS
from tests.tensorboard.waiting import wait_for_assertions


def test_compare_two_epochs(page, tensorboard):
    page.locator(CURRENT_CELL).press("c")
    wait_for_paint(page, ".image-panel canvas")
    for epoch, which in ((0, 1), (EPOCHS - 1, 2)):
        assert (
            f"epoch {epoch}"
            in page.locator(f".compare-view .image-panel:nth-child({which}) figcaption").first.inner_text()
        )
    shown = canvas_pixels(page, ".compare-view .image-panel:nth-child(3) canvas")[..., :3]
    first, last = (logged_map(tensorboard, "run/b", 0, epoch, len(shown)) for epoch in (0, EPOCHS - 1))
    rises, falls = last - first > 0.05, first - last > 0.05
    assert rises.any()
    assert falls.any()
    red, blue = shown[..., 0], shown[..., 2]
    assert (red > blue)[rises].all()  # orange: B is higher
    assert (blue > red)[falls].all()
    page.get_by_label("A: snapshot", exact=True).select_option("same")
    expect(page.locator(".compare-view .image-panel:nth-child(1) .title").first).to_have_text(f"A: epoch {EPOCHS - 1}")

    def no_difference_is_white() -> None:
        assert (canvas_pixels(page, ".compare-view .image-panel:nth-child(3) canvas")[..., :3] == 247).all()

    wait_for_assertions(no_difference_is_white)


def test_swipe_between_two_epochs(page):
    page.locator(CURRENT_CELL).press("c")
    page.get_by_role("button", name="Swipe").click()
    wait_for_paint(page, ".swipe canvas")
    handle = page.get_by_role("slider", name="Divider")
    for index, press in ((0.5, None), (0.54, "ArrowRight"), (0.0, "Home"), (1.0, "End")):
        if press:
            for _ in range(2 if press.startswith("Arrow") else 1):
                handle.press(press)
        expect(handle).to_have_attribute("aria-valuenow", str(round(100 * index)))
        assert_swiped(page, index)
    box = page.locator(".swipe canvas").first.bounding_box()
    page.mouse.move(box["x"] + 0.9 * box["width"], box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.25 * box["width"], box["y"] + 20)
    page.mouse.up()
    expect(handle).to_have_attribute("aria-valuenow", "25")
    assert_swiped(page, 0.25)
    assert shown_position(page) == f"epoch {EPOCHS - 1}"  # the divider's keys moved the divider alone


def assert_swiped(page, index: float) -> None:
    """Left of the divider is A, right of it B, as a person sees it."""
    a, b = (canvas_pixels(page, f".swipe .image-panel:nth-child({which}) canvas")[..., :3] for which in (1, 2))
    assert np.abs(a - b).max() > 20
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    seen = page.screenshot(clip=page.locator(".swipe canvas").first.bounding_box())
    seen = np.asarray(Image.open(io.BytesIO(seen)).convert("RGB")).astype(int)
    side = len(a)
    away = np.abs(np.arange(side) - index * side) > 24  # from the handle
    inner = np.zeros((side, side), bool)
    inner[10:-10, 10:-10] = True  # the corners are round
    left = np.arange(side) < index * side
    for expected, columns in ((a, left & away), (b, ~left & away)):
        here = inner & columns[None]
        assert np.abs(seen - expected)[here].max(initial=0) <= 2


def test_compare_two_runs_and_two_methods(make_page, tensorboard):
    page = make_page(
        f"{tensorboard.tab_url}#{view_hash(runs=['run/a', 'run/b'], page='compare')}", ready=".compare-view canvas"
    )
    expect(page.get_by_label("A: run and method").locator("option")).to_have_text(
        ["run/a · grad-cam", "run/a · group-cam (group)", "run/b · grad-cam"]
    )
    page.get_by_label("A: run and method").select_option("run/b|cam|grad-cam")
    title = page.locator(".compare-view .image-panel:nth-child(1) .title").first
    expect(title).to_have_text(f"A: epoch {EPOCHS - 1}, run/b · grad-cam")  # the same epoch of the other run
    expect(page.get_by_text("Aligned by epoch")).to_be_visible()

    def the_difference_is_that_of_the_runs() -> None:
        shown = canvas_pixels(page, ".compare-view .image-panel:nth-child(3) canvas")[..., :3]
        of_a, of_b = (logged_map(tensorboard, run, 0, EPOCHS - 1, len(shown)) for run in ("run/a", "run/b"))
        rises, falls = of_a - of_b > 0.05, of_b - of_a > 0.05
        assert rises.any() or falls.any()
        assert (shown[..., 0] > shown[..., 2])[rises].all()
        assert (shown[..., 2] > shown[..., 0])[falls].all()

    wait_for_assertions(the_difference_is_that_of_the_runs)
