"""The film strip shows every image in every snapshot, and the slider, the keys and the charts move it."""

from __future__ import annotations

import re

import numpy as np
import pytest

from tests.tensorboard.browser.page_tools import (
    CURRENT_CELL,
    canvas_pixels,
    expect,
    in_colours,
    logged_map,
    logged_snapshots,
    shown_position,
    view_hash,
    wait_for_paint,
)
from tests.tensorboard.browser.training_runs import CLASSES, EPOCHS, HOSTILE_NAME


def test_the_slider_and_the_keys_move_everything(page):
    assert shown_position(page) == f"epoch {EPOCHS - 1}"
    page.locator("#snapshot").fill("1")
    expect(page.locator(CURRENT_CELL)).to_have_attribute("data-position", "1")
    page.locator(CURRENT_CELL).focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator(CURRENT_CELL)).to_have_attribute("data-position", "2")
    page.keyboard.press("Home")
    expect(page.locator(CURRENT_CELL)).to_have_attribute("data-position", "0")
    page.keyboard.press("ArrowLeft")  # already at the first epoch
    page.keyboard.press("End")
    expect(page.locator(CURRENT_CELL)).to_have_attribute("data-position", str(EPOCHS - 1))
    page.keyboard.press("ArrowDown")
    expect(page.locator(CURRENT_CELL)).to_have_attribute("aria-label", re.compile("image 1, epoch 3"))
    assert page.evaluate("document.activeElement.getAttribute('aria-label')").startswith(
        f"{HOSTILE_NAME}, image 1, epoch 3"
    )
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="image 1")).to_be_visible()
    page.keyboard.press("ArrowUp")
    expect(page.get_by_role("heading", name="image 0")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(".strip")).to_be_visible()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    page.locator(".image-row", has_text="image 2").locator(".class-name").click()
    expect(page.get_by_role("heading", name="image 2")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(CURRENT_CELL)).to_have_attribute("aria-label", re.compile("image 2, epoch 3"))
    page.locator(".chart svg").first.click(position={"x": 40, "y": 40})
    expect(page.locator(CURRENT_CELL)).to_have_attribute("data-position", "0")


def test_cell_labels_describe_the_prediction(page, tensorboard):
    snapshots = logged_snapshots(tensorboard, "run/b")
    names = [*CLASSES]
    labels = (
        page.locator(".series-line").nth(4).locator(".cell").evaluate_all("(all) => all.map((one) => one.ariaLabel)")
    )
    row = re.search(r"image (\d+)", labels[0])
    index = [probe["id"] for probe in snapshots["probes"]].index(int(row[1]))
    for epoch, label in enumerate(labels):
        predicted, confidence = (snapshots["snapshots"][name][epoch][index] for name in ("predicted", "confidence"))
        right = "correct" if predicted == snapshots["probes"][index]["labels"][0] else "wrong"
        prediction = f"predicted {names[predicted]}, {round(confidence * 100)} %, {right}"
        text = f"epoch {epoch}, step {snapshots['steps'][epoch]}: {prediction}"
        assert text in label


@pytest.mark.parametrize("width", [690, 700, 719, 720, 1000, 1400])
def test_heatmaps_are_below_their_epochs(make_page, tensorboard, width):
    page = make_page(f"{tensorboard.tab_url}#{view_hash(runs=['run/b'])}", viewport={"width": width, "height": 800})
    middle = "(node) => { const box = node.getBoundingClientRect(); return (box.left + box.right) / 2; }"
    for epoch in range(EPOCHS):
        cell = page.locator(f".cell[data-position='{epoch}']").first.evaluate(middle)
        head = page.locator(".column button").nth(epoch).evaluate(middle)
        assert head == pytest.approx(cell, abs=2)
    left = "(node) => node.getBoundingClientRect().left"
    canvas = page.locator(".series-line canvas").first.evaluate(left)
    assert canvas == pytest.approx(page.locator(".cell[data-position='0']").first.evaluate(left), abs=1)
    about, text = (
        page.locator(selector).first for selector in (".image-names .class-name", ".line-header .prediction")
    )
    a, b = about.bounding_box(), text.bounding_box()
    apart = a["x"] + a["width"] <= b["x"] or a["y"] + a["height"] <= b["y"]
    assert apart, (a, b)  # no overlapping text


def test_hostile_class_names_are_text(page):
    assert page.locator(".class-name", has_text="<img").first.inner_text() == HOSTILE_NAME
    page.locator(".class-name", has_text="<img").first.scroll_into_view_if_needed()
    assert page.locator("img:not(.export-preview)").count() == 0
    page.locator(".cell[aria-label*='onerror']").first.click()
    expect(page.get_by_role("heading", name="onerror")).to_be_visible()
    assert page.locator("img:not(.export-preview)").count() == 0
    assert page.title() == "camaug"


@pytest.mark.parametrize("colormap", ["viridis", "turbo"])
def test_the_strip_shows_the_logged_maps(make_page, tensorboard, colormap):
    page = make_page(f"{tensorboard.tab_url}#{view_hash(runs=['run/b'], display='heatmap', colormap=colormap)}")
    wait_for_paint(page)
    strip = canvas_pixels(page, ".series-line canvas")
    side = strip.shape[0]
    for epoch in range(EPOCHS):
        left = epoch * (side + 4)
        shown = strip[:, left : left + side]
        expected = in_colours(logged_map(tensorboard, "run/b", 0, epoch, side), colormap)
        corner = np.zeros((side, side), bool)
        corner[:17, :] = True  # covered by the badges
        error = np.abs(shown[..., :3] - expected).max(axis=2)
        assert error[~corner].max() <= 4  # a step of the table of 256 colormap
        assert (shown[..., 3] == 255).all()


def test_several_runs_share_the_row_of_an_image(make_page, tensorboard):
    page = make_page(f"{tensorboard.tab_url}#{view_hash(runs=['run/b'])}")
    page.locator("summary", has_text="Runs").click()
    page.get_by_label("run/a").check()
    names = page.locator(".image-row").first.locator(".series-name")
    expect(names).to_have_text(["run/a · grad-cam", "run/a · group-cam (group)", "run/b · grad-cam"])
    wait_for_paint(page)
    titles = page.locator(".chart .title").all_inner_texts()
    assert "Drift" in titles
    assert not [title for title in titles if title.startswith(("cam/", "group/"))]  # each logger's own, once
    page.locator("summary", has_text="Methods").click()
    page.get_by_role("checkbox", name="group-cam (group)").uncheck()
    expect(names).to_have_text(["run/a", "run/b"])  # what tells them apart
    expect(page.locator(".legend li")).to_have_text(["run/a", "run/b"])
