"""The details of an image show its heatmaps, their values and the most probable classes."""

from __future__ import annotations

import functools
import io
import re

import numpy as np
import pytest
from PIL import Image

from tests.tensorboard.browser.page_tools import (
    CURRENT_CELL,
    canvas_pixels,
    expect,
    in_colours,
    logged_map,
    logged_maps,
    logged_snapshots,
    wait_for_paint,
    wait_for_script,
)
from tests.tensorboard.browser.training_runs import CLASSES, EPOCHS, SIZE
from tests.tensorboard.waiting import wait_for_assertions


def test_opacity_and_threshold_act_on_the_raw_map(page, tensorboard):
    page.locator(CURRENT_CELL).press("Enter")
    wait_for_paint(page, ".image-panel canvas")
    original = canvas_pixels(page, ".image-panel:nth-child(1) canvas")[..., :3]
    jpeg = tensorboard.fetch("original", run="run/b", prefix="cam", probe=0)
    side = len(original)
    image = np.asarray(Image.open(io.BytesIO(jpeg)).convert("RGB").resize((side, side), Image.Resampling.BICUBIC))
    assert np.abs(original - image).mean() < 6
    map_ = logged_map(tensorboard, "run/b", 0, EPOCHS - 1, side)
    heat = in_colours(map_, "viridis")
    assert np.abs(canvas_pixels(page, ".image-panel:nth-child(2) canvas")[..., :3] - heat).max() <= 4
    for opacity in (0.0, 0.35, 1.0):
        page.get_by_label("Opacity").fill(str(opacity))
        wait_for_script(page, f"document.querySelector('.fraction-slider output').textContent === '{opacity:.2f}'")
        blended = (1 - opacity) * original + opacity * heat
        wait_for_assertions(functools.partial(assert_overlay, page, blended, 5))
    page.get_by_label("Threshold").fill("0.5")
    below, above = map_ < 0.49, map_ > 0.51
    assert below.any()
    assert above.any()
    wait_for_assertions(functools.partial(assert_overlay, page, original, 1, below))
    assert_overlay(page, heat, 4, above)


def assert_overlay(page, expected, tolerance: int, where=...) -> None:
    overlay = canvas_pixels(page, ".image-panel:nth-child(3) canvas")[..., :3]
    assert np.abs(overlay - expected)[where].max() <= tolerance


def test_the_value_under_the_pointer(page, tensorboard):
    page.locator(CURRENT_CELL).press("Enter")
    wait_for_paint(page, ".image-panel canvas")
    canvas = page.locator(".image-panel:nth-child(1) canvas").first
    side = canvas.evaluate("(node) => node.clientWidth")
    x, y = side // 3, side // 2
    canvas.hover(position={"x": x, "y": y})
    text = page.locator(".detail-view .readout").inner_text()
    values = logged_map(tensorboard, "run/b", 0, EPOCHS - 1, side)
    assert text.startswith(f"x {int(x / side * SIZE)}, y {int(y / side * SIZE)}: predicted class ")
    assert float(re.search(r"predicted class (\d\.\d+)", text)[1]) == pytest.approx(float(values[y, x]), abs=0.03)
    assert page.locator(".crosshair >> visible=true").count() >= 3  # on every image


def test_a_wrong_prediction_also_shows_the_true_class(page, tensorboard):
    """Where the prediction is wrong, the true class's heatmap stands beside the predicted one's."""
    snapshots = logged_snapshots(tensorboard, "run/b")
    ids = [probe["id"] for probe in snapshots["probes"]]
    maps = {probe: logged_maps(tensorboard, "run/b", probe) for probe in ids}
    wrong = [(probe, epoch) for probe in ids for epoch in range(EPOCHS) if len(maps[probe]["classes"][epoch]) > 1]
    probe, epoch = wrong[0]
    page.locator(f".cell[aria-label*='image {probe}, epoch {epoch}']").click()
    expect(page.locator(".headline")).to_contain_text("wrong")
    wait_for_paint(page, ".panel-grid[data-has-true] .image-panel:nth-child(5) canvas")
    shown = canvas_pixels(page, ".panel-grid[data-has-true] .image-panel:nth-child(5) canvas")[..., :3]
    (label,) = snapshots["probes"][ids.index(probe)]["labels"]
    expected = in_colours(logged_map(tensorboard, "run/b", probe, epoch, len(shown), label), "viridis")
    assert np.abs(shown - expected).max() <= 4
    likeliest = page.locator(".top-classes .label").all_inner_texts()
    named = [CLASSES[label] for label, _ in snapshots["snapshots"]["top_classes"][epoch][ids.index(probe)]]
    true = CLASSES[label]
    expect(page.locator("dl dd", has_text=f"epoch {epoch}, step {snapshots['steps'][epoch]}")).to_be_visible()
    assert likeliest == [name + (" (true)" if name == true else "") for name in named]
