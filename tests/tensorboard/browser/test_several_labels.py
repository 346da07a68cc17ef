"""Images with several labels: a heatmap of each, chosen by a control and a key, and what is missed or wrong."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from camaug.callbacks._logging.snapshot import Snapshot
from camaug.tensorboard.map_compression import compress_maps, restore_map
from camaug.tensorboard.report import make_report
from tests.tensorboard.browser.page_tools import (
    CURRENT_CELL,
    canvas_pixels,
    expect,
    in_colours,
    view_hash,
    wait_for_paint,
    wait_for_script,
)
from tests.tensorboard.conftest import make_snapshot, upsampled_maps, write_run
from tests.tensorboard.waiting import wait_for_assertions

CLASSES = ("ant", "<img src=x onerror=alert(1)>", "cat")
CHOICE = "Heatmap of the class"


def several_labels(epoch: int) -> Snapshot:
    """Return a snapshot with an image that misses a label, one with a false positive, a right and an unlabelled one."""
    maps = upsampled_maps((3, 6), (24, 24), 4, seed=10 + epoch)
    return replace(
        make_snapshot(epoch),
        labels=[0, 0, 0, None],
        probabilities=torch.tensor([[0.9, 0.1, 0.3], [0.9, 0.8, 0.7], [0.9, 0.1, 0.7], [0.9, 0.2, 0.1]]),
        predicted=torch.zeros(4, dtype=torch.int64),
        positives=[(0, 2), (0, 2), (0, 2), ()],
        has_several=True,
        label_maps=[{2: maps[0]}, {2: maps[1], 1: maps[2]}, {2: maps[3]}, {}],
    )


@pytest.fixture(scope="module")
def snapshots() -> list[Snapshot]:
    return [several_labels(epoch) for epoch in range(2)]


@pytest.fixture(scope="module")
def report_url(snapshots, tmp_path_factory) -> str:
    folder = tmp_path_factory.mktemp("several")
    write_run(folder / "run", snapshots, method="grad-cam", classes=CLASSES)
    (folder / "report.html").write_bytes(make_report(folder / "run"))
    return (folder / "report.html").as_uri()


@pytest.fixture
def open_view(make_page, report_url):
    """Return a function that opens a view of the report, with heatmaps that hide the image."""

    def open_page(ready: str | None = CURRENT_CELL, **state):
        return make_page(f"{report_url}#{view_hash(opacity=1, **state)}", ready)

    return open_page


def colours_of(map_: torch.Tensor, side: int) -> np.ndarray:
    """Return a logged map as the tab colours it: the grid of 3 by 6 values, upsampled to a square."""
    (stored,) = compress_maps(map_[None], (3, 6))
    return in_colours(restore_map(stored, (side, side)).numpy(), "viridis")


def assert_cell_shows(page, map_: torch.Tensor, row: int = 0) -> None:
    """Assert that an image's first cell is the map (H, W), up to 8 bits and the corners, where badges are."""
    canvas = canvas_pixels(page, f".image-row:nth-child({row + 3}) .series-line canvas")[..., :3]
    side = len(canvas)
    middle = slice(side // 3, side)
    assert np.abs(canvas[:, :side] - colours_of(map_, side))[middle].max() <= 8


def test_the_key_switches_the_class_in_the_film_strip(open_view, snapshots):
    page = open_view()
    wait_for_paint(page)
    choice = page.get_by_label(CHOICE).last
    maps = {"predicted": snapshots[0].maps[1], "label2": snapshots[0].label_maps[1][2]}
    maps |= {"true": maps["predicted"], "falsePositive": snapshots[0].label_maps[1][1]}
    for value in ("predicted", "true", "label2", "falsePositive", "predicted"):
        expect(choice).to_have_value(value)
        wait_for_assertions(lambda value=value: assert_cell_shows(page, maps[value], 1))
        page.locator(CURRENT_CELL).press("l")
    page.locator(CURRENT_CELL).press("Shift+L")
    page.locator(CURRENT_CELL).press("Shift+L")
    expect(choice).to_have_value("falsePositive")
    assert choice.locator("option").all_inner_texts() == ["Predicted", "Label 1", "Label 2", "False positive"]
    wait_for_script(page, '() => decodeURIComponent(location.hash).includes(\'"heatmapClass":"falsePositive"\')')


def test_cells_name_the_labels_and_the_errors(open_view):
    page = open_view(heatmapClass="label2")
    titles = [
        page.locator(f".cell[aria-label*='image {index}, epoch 1']").get_attribute("title") for index in (0, 10, 20, 30)
    ]
    assert titles == [
        "ant, cat, image 0, epoch 1, step 19: predicted ant, 90 %, wrong: misses cat; heatmap of cat (label 2)",
        f"ant, cat, image 10, epoch 1, step 19: predicted ant, 90 %, wrong: false positive: {CLASSES[1]}; "
        "heatmap of cat (label 2)",
        "ant, cat, image 20, epoch 1, step 19: predicted ant, 90 %, correct; heatmap of cat (label 2)",
        "no label, image 30, epoch 1, step 19: predicted ant, 90 %, no label; no label 2",
    ]


def test_the_details_show_every_class(open_view, snapshots):
    page = open_view(None, page="details", row="10|ant, cat", snapshot={"epoch": 1})
    wait_for_paint(page, ".class-panels canvas")
    panels = page.locator(".class-panel-row .image-panel >> visible=true")
    captions = [panels.nth(i).locator("figcaption span").all_inner_texts() for i in range(panels.count())]
    assert captions == [
        ["✓ ant", "90 % label"], ["✓ cat", "70 % label"], [f"+ {CLASSES[1]}", "80 % false positive"]
    ]  # fmt: skip
    for number, map_ in enumerate([snapshots[1].maps[1], *snapshots[1].label_maps[1].values()], start=1):
        shown = canvas_pixels(page, f".class-panel-row .image-panel:nth-child({number}) canvas")[..., :3]
        assert np.abs(shown - colours_of(map_, len(shown))).max() <= 8
    labels = page.locator(".label-list li")
    assert [" ".join(text.split()) for text in labels.all_inner_texts()] == [
        "✓ ant 90 % label", "✓ cat 70 % label", f"+ {CLASSES[1]} 80 % false positive"
    ]  # fmt: skip
    main = ".image-panel:nth-child(2) figcaption .secondary"
    for name in ("ant", "cat", CLASSES[1], "ant"):
        expect(page.locator(main).first).to_have_text(f"of {name}")
        page.keyboard.press("l")


def test_a_panel_selects_its_class_by_click_and_by_key(open_view):
    page = open_view(None, page="details", row="10|ant, cat", snapshot={"epoch": 1})
    wait_for_paint(page, ".class-panels canvas")
    main = page.locator(".image-panel:nth-child(2) figcaption .secondary").first
    panels = page.locator(".class-panel-row canvas >> visible=true")
    panels.nth(1).click()
    expect(main).to_have_text("of cat")
    expect(panels.nth(1)).to_have_attribute("aria-pressed", "true")
    page.locator(".class-panel-row figcaption").nth(2).click()
    expect(main).to_have_text(f"of {CLASSES[1]}")
    for key in ("Enter", "Space"):
        panels.nth(0).press(key)
        expect(main).to_have_text("of ant")
        expect(panels.nth(0)).to_be_focused()
        panels.nth(1).click()
        expect(main).to_have_text("of cat")
    expect(page.get_by_label(CHOICE).last).to_have_value("label2")


def test_a_missed_label_is_marked_by_symbol_and_text(open_view):
    page = open_view(None, page="details", row="0|ant, cat", snapshot={"epoch": 1}, heatmapClass="label2")
    wait_for_paint(page, ".class-panels canvas")
    expect(page.locator(".headline")).to_contain_text("wrong")
    missed = page.locator(".label-list li[data-role='missed label']")
    assert " ".join(missed.inner_text().split()) == "✗ cat 30 % missed label"
    expect(page.locator(".image-panel:nth-child(2) figcaption .secondary").first).to_have_text("of cat")


def test_the_comparison_shows_the_chosen_class(open_view, snapshots):
    page = open_view(None, page="compare", row="10|ant, cat", snapshot={"epoch": 1}, heatmapClass="label2")
    wait_for_paint(page, ".compare-view .side-by-side canvas")
    for number, snapshot in enumerate(snapshots, start=1):
        shown = canvas_pixels(page, f".compare-view .image-panel:nth-child({number}) canvas")[..., :3]
        assert np.abs(shown - colours_of(snapshot.label_maps[1][2], len(shown))).max() <= 8
        note = page.locator(f".compare-view .image-panel:nth-child({number}) figcaption .secondary").first
        expect(note).to_have_text("✗ ant 90 % · heatmap of cat")
