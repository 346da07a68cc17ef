"""The pages of mistakes and classes."""

from __future__ import annotations

import base64

import numpy as np
import pytest

from camaug.tensorboard.map_compression import restore_map
from camaug.tensorboard.stored_map import StoredMap
from tests.tensorboard.browser.page_tools import canvas_pixels, expect, in_colours, view_hash, wait_for_paint
from tests.tensorboard.browser.training_runs import CLASSES, EPOCHS, create_logger, train
from tests.tensorboard.tensorboard_process import TensorBoardProcess

SERIES = {"run": "run/m", "prefix": "cam", "method": "grad-cam"}
CARD = ".mistakes-view:not([hidden]) .mistake-card"


@pytest.fixture(scope="module")
def tensorboard(tmp_path_factory):
    """Start a TensorBoard on a run whose mistakes are logged."""
    folder = tmp_path_factory.mktemp("mistakes")
    train(folder, "m", create_logger(mistakes=9))
    with TensorBoardProcess(folder) as process:
        process.wait_for_runs(lambda runs: [len(run["mistake_steps"]) for run in runs] == [EPOCHS])
        yield process


@pytest.fixture
def open_page(make_page, tensorboard):
    """Return a function that opens a view of the run."""

    def open_view(ready: str, **state):
        return make_page(f"{tensorboard.tab_url}#{view_hash(**state)}", ready=ready)

    return open_view


@pytest.fixture
def last_record(tensorboard):
    (run,) = tensorboard.fetch_json("runs")["runs"]
    step = run["mistake_steps"][-1]
    record = tensorboard.fetch_json("mistakes", **SERIES, step=step)
    return record | {"maps": tensorboard.fetch_json("mistake_maps", **SERIES, step=step)["images"]}


def restore(encoded, column: int, shape: tuple[int, int]) -> np.ndarray:
    """Restore a map of the server's response at a size (H, W), as the library does."""
    values = base64.b64decode(encoded["values"][column])
    return restore_map(StoredMap(*encoded["sizes"][column], *encoded["ranges"][column], values), shape).numpy()


def shown_keys(page) -> list[str]:
    return page.locator(CARD).evaluate_all("(cards) => cards.map((card) => card.dataset.key)")


def keys(images) -> list[str]:
    return [f"image {image['id']}" for image in images]


def test_every_explained_image_has_a_card_with_the_worst_first(open_page, last_record):
    page = open_page(CARD, page="mistakes")
    images = last_record["images"]
    wrong = sorted((one for one in images if one["is_correct"] is False), key=lambda one: -one["confidence"])
    assert shown_keys(page)[: len(wrong)] == keys(wrong)
    assert sorted(shown_keys(page)) == sorted(keys(images))
    summary = page.locator(".mistakes-view [role='status']").first
    expect(summary).to_contain_text(f"9 validation images, {last_record['wrong']} wrong")


def test_lists_and_pairs_filter_the_cards(open_page, last_record):
    page = open_page(CARD, page="mistakes")
    for name in ("wrong", "forgotten", "uncertain", "sample"):
        button = page.locator(f"[data-list='{name}']")
        expected = [one for one in last_record["images"] if name in one["lists"]]
        expect(button.locator(".number")).to_have_text(str(len(expected)))
        if expected:
            button.click()
            expect(page.locator(CARD)).to_have_count(len(expected))
            assert sorted(shown_keys(page)) == sorted(keys(expected))
    page.locator("[data-list='all']").click()
    wrong = [one for one in last_record["images"] if one["is_correct"] is False]
    if wrong:
        pair = f"{wrong[0]['labels'][0]}>{wrong[0]['predicted']}"
        page.get_by_label("Label and prediction").select_option(pair)
        same = [one for one in wrong if f"{one['labels'][0]}>{one['predicted']}" == pair]
        expect(page.locator(CARD)).to_have_count(len(same))


def test_a_card_opens_the_two_most_probable_classes_and_their_difference(open_page, last_record):
    page = open_page(CARD, page="mistakes", mistakeSort="index", display="heatmap")
    first = min(last_record["images"], key=lambda one: one["id"])
    slot = last_record["images"].index(first)
    page.locator(CARD).first.click()
    view = page.locator(".mistake-view")
    expect(view.locator("h2")).to_contain_text("→")
    wait_for_paint(page, ".mistake-view canvas")
    titles = view.locator(".image-panel:not([hidden]) .title").all_inner_texts()
    names = [CLASSES[index] for index, _ in first["top_classes"][:2]]
    assert titles[:4] == ["Original", *names, "Difference"]
    encoded = last_record["maps"][slot]
    for column in range(2):
        panel = f".mistake-view .image-panel:nth-child({column + 2}) canvas"
        shown = canvas_pixels(page, panel)
        values = restore(encoded, column, shown.shape[:2])
        difference = np.abs(shown[..., :3] - in_colours(values, "viridis"))
        assert difference.max() <= 4  # 8-bit steps of the colour map


def test_keys_move_between_images_and_back(open_page):
    page = open_page(CARD, page="mistakes")
    order = shown_keys(page)
    page.locator(CARD).first.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".mistake-view")).to_be_visible()
    note = page.locator(".mistake-view .image-panel .secondary").first
    expect(note).to_have_text(order[0])
    page.keyboard.press("ArrowDown")
    expect(note).to_have_text(order[1])
    page.keyboard.press("Escape")
    expect(page.locator(CARD).first).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(".strip")).to_be_visible()


def test_a_snapshot_that_lacks_the_opened_image_says_so(open_page):
    page = open_page(".mistake-view", page="mistake", mistake="image 99")
    expect(page.locator(".mistake-view h2")).to_have_text(
        "image 99: not among the explained images of epoch 3, step 11"
    )
    expect(page.locator(".mistake-view canvas").first).to_be_hidden()
    page.keyboard.press("ArrowDown")
    expect(page.locator(".mistake-view canvas").first).to_be_visible()


def test_escape_returns_to_the_page_that_the_image_was_opened_from(open_page, last_record):
    label, prediction, _ = max(last_record["confusion"], key=lambda row: row[2])
    page = open_page(CARD, page="classes", matrixCell=f"{label}>{prediction}")
    card = page.locator(CARD).last
    name = card.get_attribute("aria-label")
    card.press("Enter")
    expect(page.locator(".image-view:not([hidden]) h2")).to_be_visible()
    expect(page.locator(".page-tabs [aria-pressed='true']")).to_have_text("Classes")
    page.keyboard.press("Escape")
    expect(page.locator(".classes-view .mistake-card:focus")).to_have_attribute("aria-label", name)
    page.keyboard.press("Escape")
    expect(page.locator(".strip")).to_be_visible()


def test_the_choices_of_one_page_do_not_filter_another(open_page, last_record):
    label, prediction, _ = max(last_record["confusion"], key=lambda row: row[2])
    page = open_page(CARD, page="classes", matrixCell=f"{label}>{prediction}")
    number = page.locator(CARD).count()
    page.get_by_role("button", name="Mistakes", exact=True).click()
    expect(page.locator(CARD)).to_have_count(len(last_record["images"]))
    page.get_by_role("button", name="Classes", exact=True).click()
    expect(page.locator(CARD)).to_have_count(number)
    page.get_by_role("button", name="Show in Mistakes").click()
    expect(page.locator(CARD)).to_have_count(number)
    page.get_by_label("Class of the mistakes").fill("nothing")
    expect(page.locator(CARD)).to_have_count(0)
    page.get_by_role("button", name="Clear filters").last.click()
    expect(page.locator(CARD)).to_have_count(len(last_record["images"]))


def test_pages_name_their_snapshot(open_page):
    page = open_page(CARD, page="mistakes", snapshot={"epoch": 1})
    expect(page.locator(".mistakes-view [role='status']").first).to_contain_text("epoch 1, step 5: 9 validation images")


def test_the_arrow_keys_move_in_the_matrix(open_page):
    page = open_page(".matrix", page="classes")
    expect(page.locator(".matrix [tabindex='0']")).to_have_count(1)
    page.locator(".matrix [data-pair='0>0']").focus()
    for key, pair in [("ArrowRight", "0>1"), ("ArrowDown", "1>1"), ("Home", "1>"), ("End", "1>2"), ("ArrowDown", "2>2"),
                      ("ArrowDown", "2>2"), ("ArrowLeft", "2>1"), ("ArrowUp", "1>1")]:  # fmt: skip
        page.keyboard.press(key)
        expect(page.locator(f".matrix [data-pair='{pair}']")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".matrix [data-pair='1>1']")).to_have_attribute("aria-pressed", "true")
    expect(page.locator(".matrix [data-pair='1>1']")).to_be_focused()
    expect(page.locator(".behind h3")).to_contain_text("predicted correctly")


def test_earlier_snapshots_show_their_own_mistakes(open_page, tensorboard):
    page = open_page(CARD, page="mistakes", snapshot={"epoch": 0})
    (run,) = tensorboard.fetch_json("runs")["runs"]
    record = tensorboard.fetch_json("mistakes", **SERIES, step=run["mistake_steps"][0])
    expect(page.locator(".mistakes-view [role='status']").first).to_contain_text(f"{record['wrong']} wrong")
    assert sorted(shown_keys(page)) == sorted(keys(record["images"]))


def test_cells_of_the_confusion_matrix_open_the_images_behind_them(open_page, last_record):
    page = open_page(".matrix", page="classes")
    cells = {(label, prediction): images for label, prediction, images in last_record["confusion"]}
    for label in range(len(CLASSES)):
        for prediction in range(len(CLASSES)):
            cell = page.locator(f".matrix [data-pair='{label}>{prediction}']")
            number = cells.get((label, prediction), 0)
            expect(cell).to_have_text(str(number) if number else "")
    (label, prediction), number = max(cells.items(), key=lambda item: item[1])
    page.locator(f".matrix [data-pair='{label}>{prediction}']").click()
    expect(page.locator(CARD)).to_have_count(number)  # every validation image is explained here
    expect(page.locator(".behind .secondary").first).to_contain_text(f"Mean of {number} heatmap")


def test_the_mean_heatmap_of_a_cell_is_the_mean_of_its_maps(open_page, last_record):
    label, prediction, _ = max(last_record["confusion"], key=lambda row: row[2])
    page = open_page(CARD, page="classes", matrixCell=f"{label}>{prediction}")
    wait_for_paint(page, ".behind canvas")
    shown = canvas_pixels(page, ".behind .mean-map")
    maps = []
    for one, encoded in zip(last_record["images"], last_record["maps"], strict=True):
        if one["labels"] == [label] and one["predicted"] == prediction:
            column = encoded["classes"].index(prediction)
            maps.append(restore(encoded, column, (56, 56)))
    mean = np.mean(maps, axis=0)
    centre = canvas_centres(shown, 56)
    assert np.abs(centre - in_colours(mean, "viridis")).mean() < 4


def canvas_centres(pixels: np.ndarray, count: int) -> np.ndarray:
    """Return the colours at the centres of a grid of count × count squares."""
    places = ((np.arange(count) + 0.5) * len(pixels) / count).astype(int)
    return pixels[places][:, places, :3]


def test_a_class_without_matching_name_leaves_the_matrix(open_page):
    page = open_page(".matrix", page="classes", mistakeQuery="left")
    expect(page.locator(".matrix tbody tr")).to_have_count(1)


def test_a_run_without_mistakes_says_how_to_log_them(make_page, tmp_path):
    train(tmp_path, "none", create_logger(mistakes=None), epochs=1)
    with TensorBoardProcess(tmp_path) as process:
        process.wait_for_runs(lambda runs: len(runs) == 1)
        page = make_page(f"{process.tab_url}#{view_hash(page='mistakes')}", ready=".mistakes-view")
        expect(page.locator(".mistakes-view .empty").first).to_contain_text("CamLogger(mistakes=16)")


def test_the_report_has_the_same_pages(make_page, tensorboard, tmp_path, last_record):
    from camaug.tensorboard.report import make_report

    (tmp_path / "report.html").write_bytes(make_report(tensorboard.logdir))
    page = make_page(f"file://{tmp_path / 'report.html'}#{view_hash(page='mistakes')}", ready=CARD)
    wait_for_paint(page, ".mistake-cards canvas")
    assert sorted(shown_keys(page)) == sorted(keys(last_record["images"]))
    page.get_by_role("button", name="Classes", exact=True).click()
    expect(page.locator(".matrix tbody tr")).to_have_count(len(CLASSES))
