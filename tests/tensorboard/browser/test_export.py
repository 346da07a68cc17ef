"""The view is saved as a PNG, and a run as an HTML report that works offline."""

from __future__ import annotations

import urllib.parse

import numpy as np
import pytest
from PIL import Image

from camaug.tensorboard.report import make_report
from tests.tensorboard.browser.page_tools import (
    CURRENT_CELL,
    canvas_pixels,
    expect,
    view_hash,
    wait_for_paint,
    wait_for_script,
)
from tests.tensorboard.browser.training_runs import EPOCHS, IMAGES


@pytest.mark.parametrize("page_name", ["strip", "details", "compare"])
def test_the_saved_png_contains_the_view(make_page, tensorboard, page_name):
    page = make_page(
        f"{tensorboard.tab_url}#{view_hash(runs=['run/b'], page=page_name, display='heatmap')}",
        ready=".display-options",
    )
    canvas = {
        "strip": ".series-line canvas",
        "details": ".image-panel:nth-child(2) canvas",
        "compare": ".image-panel canvas",
    }[page_name]
    wait_for_paint(page, canvas)
    page.locator("summary", has_text="Export").click()
    with page.expect_download() as download:
        page.get_by_text("Save view as PNG").click()
    assert download.value.suggested_filename == f"camaug-{page_name}-epoch-{EPOCHS - 1}.png"
    image = np.asarray(Image.open(download.value.path()).convert("RGB")).astype(int)
    part = canvas_pixels(page, f"{canvas} >> visible=true")[20:60, 20:60, :3]
    assert_contains(image, part)


def assert_contains(image: np.ndarray, part: np.ndarray) -> None:
    """Check that the image contains the part, pixel by pixel."""
    windows = np.lib.stride_tricks.sliding_window_view(image[..., 1], part.shape[:2])[::1]
    candidates = np.argwhere(np.abs(windows[..., 0, 0] - part[0, 0, 1]) <= 1)
    high, wide = part.shape[:2]
    assert any(np.abs(image[y : y + high, x : x + wide] - part).max() <= 1 for y, x in candidates)


def test_the_report_opens_offline(make_page, logdir, tmp_path):
    report = tmp_path / "camaug.html"
    report.write_bytes(make_report(logdir / "run" / "a"))
    requested_urls = []
    routes = {"**": lambda route: (requested_urls.append(route.request.url), route.continue_())}
    page = make_page(report.as_uri(), offline=True, routes=routes)
    wait_for_paint(page)
    assert page.locator(".strip").get_attribute("aria-rowcount") == str(3 * IMAGES + 1)
    assert page.locator(".image-row").first.locator(".series-name").all_inner_texts() == [
        "grad-cam",
        "group-cam (group)",
    ]
    page.locator(CURRENT_CELL).press("Home")
    page.locator(CURRENT_CELL).press("Enter")
    wait_for_paint(page, ".image-panel canvas")
    expect(page.locator(".snapshot-label")).to_have_text("epoch 0")
    page.locator(".cell[aria-label*='onerror']").first.wait_for(state="attached")
    assert page.title() == "camaug"
    assert {urllib.parse.urlsplit(url).scheme for url in requested_urls} <= {"file", "data", "blob"}
    wait_for_script(page, "location.hash.includes('details')")
    page.reload()
    expect(page.locator(".snapshot-label")).to_have_text("epoch 0")
    expect(page.locator(".detail-view")).to_be_visible()
