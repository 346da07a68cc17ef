"""The page of warnings: what is wrong with a snapshot, since when, and the images that show it."""

from __future__ import annotations

import numpy as np
import pytest

from camaug.callbacks._logging.snapshot_warnings import find_warnings
from camaug.tensorboard.report import make_report
from tests.tensorboard.browser import warned_snapshots as warned
from tests.tensorboard.browser.page_tools import canvas_pixels, expect, in_colours, view_hash, wait_for_paint
from tests.tensorboard.conftest import write_run
from tests.tensorboard.tensorboard_process import TensorBoardProcess

EPOCHS = 4
ARTICLE = ".warnings-view article"


def snapshots_of_the_border():
    """Return snapshots: none, the border, the border and the class, the border and beside the objects."""
    plain, *others = map(warned.snapshot_without_warning, range(EPOCHS))
    first, second, third = (warned.attend_to_border(snapshot, 4) for snapshot in others)
    return [plain, first, warned.ignore_class(second, 6), warned.attend_beside_objects(third, 5)]


def snapshots_of_one_position():
    """Return snapshots whose heatmaps are all at the same position in the last one."""
    *others, last = map(warned.snapshot_without_warning, range(EPOCHS))
    return [*others, warned.attend_to_one_position(last)]


RUNS = {"border": snapshots_of_the_border(), "position": snapshots_of_one_position()}


@pytest.fixture(scope="module")
def tensorboard(tmp_path_factory):
    """Start a TensorBoard on both runs."""
    folder = tmp_path_factory.mktemp("warned", numbered=False) / "runs"
    for name, snapshots in RUNS.items():
        write_run(folder / name, snapshots, method="grad-cam")
    with TensorBoardProcess(folder) as process:
        process.wait_for_runs(lambda runs: [len(run["steps"]) for run in runs] == [EPOCHS] * 2)
        yield process


@pytest.fixture(scope="module")
def report_url(tensorboard) -> str:
    path = tensorboard.logdir / "report.html"
    path.write_bytes(make_report(tensorboard.logdir))
    return path.as_uri()


@pytest.fixture(params=["TensorBoard", pytest.param("report", marks=pytest.mark.slow)])
def open_page(request, make_page, tensorboard, report_url):
    """Return a function that opens the page of warnings, in TensorBoard and in the report."""
    # A report names runs with the folders above them.
    url, folder = (tensorboard.tab_url, "") if request.param == "TensorBoard" else (report_url, "warned/runs/")

    def open_view(epoch: int, *runs: str, **state):
        names = [f"{folder}{run}" for run in runs]
        state = {"page": "warnings", "runs": names, "snapshot": {"epoch": epoch}} | state
        page = make_page(f"{url}#{view_hash(**state)}", ready=".warnings-view:not([hidden])")
        expect(page.locator(".warnings-view [role='status']")).not_to_be_empty()
        return page

    return open_view


def expected_warnings(run: str, epoch: int):
    return find_warnings(RUNS[run][epoch])


def expected_images(run: str, epoch: int, warning) -> list[str]:
    indices = [RUNS[run][epoch].indices[position] for position in warning.positions]
    return [f"image {index}" for index in indices]


def shown_images(article) -> list[str]:
    labels = article.locator(".mistake-card").evaluate_all("(cards) => cards.map((card) => card.ariaLabel)")
    return [label.split(":")[0] for label in labels]


def test_the_snapshots_have_the_kinds_that_this_module_is_about():
    kinds = {run: [[one.kind for one in find_warnings(snapshot)] for snapshot in RUNS[run]] for run in RUNS}
    assert kinds == {
        "border": [[], ["border"], ["border", "ignores the class"], ["border", "beside objects"]],
        "position": [[], [], [], ["same position"]],
    }


@pytest.mark.parametrize(("run", "epoch"), [("border", 2), ("border", 3), ("position", 3)])
def test_every_warning_says_what_was_measured_what_to_try_and_shows_its_images(open_page, run, epoch):
    page = open_page(epoch, run)
    warnings = expected_warnings(run, epoch)
    expect(page.locator(ARTICLE)).to_have_count(len(warnings))
    for number, warning in enumerate(warnings):
        article = page.locator(ARTICLE).nth(number)
        expect(article.locator("h3")).to_contain_text(warning.title)
        texts = article.locator("p").all_inner_texts()
        assert texts[:2] == [warning.measured, warning.remedy]
        assert shown_images(article) == expected_images(run, epoch, warning)
    page.locator(".warnings-view canvas").last.scroll_into_view_if_needed()
    wait_for_paint(page, ".warnings-view canvas")


def test_a_card_shows_the_heatmap_of_its_image(open_page):
    page = open_page(1, "border", display="heatmap")
    (warning,) = expected_warnings("border", 1)
    wait_for_paint(page, ".warnings-view canvas")
    shown = canvas_pixels(page, ".warnings-view canvas")[..., :3]
    map_ = RUNS["border"][1].maps[warning.positions[0]].numpy()
    places = ((np.arange(len(map_)) + 0.5) * len(shown) / len(map_)).astype(int)  # the centres of the map's pixels
    assert np.abs(shown[places][:, places] - in_colours(map_, "viridis")).max() <= 8


@pytest.mark.parametrize(("epoch", "kind", "text"), [
    (1, "border", "New in this snapshot."),
    (2, "border", "In this snapshot and the one before."),
    (2, "ignores the class", "New in this snapshot."),
    (3, "border", "In this snapshot and the 2 before."),
    (3, "beside objects", "New in this snapshot."),
])  # fmt: skip
def test_a_warning_says_since_when(open_page, epoch, kind, text):
    page = open_page(epoch, "border")
    number = [warning.kind for warning in expected_warnings("border", epoch)].index(kind)
    expect(page.locator(ARTICLE).nth(number).locator("p").nth(2)).to_have_text(text)


def test_without_a_warning_the_page_says_what_it_looks_for(open_page):
    page = open_page(0, "border")
    status = page.locator(".warnings-view [role='status']")
    expect(status).to_contain_text("epoch 0, step 9: no warning.")
    expect(status).to_contain_text("attention to the same position")
    expect(page.locator(ARTICLE)).to_have_count(0)
    expect(page.get_by_role("button", name="Warnings", exact=True)).to_be_visible()


def test_the_page_follows_the_selected_snapshot_and_its_button_counts(open_page):
    page = open_page(0, "border")
    for epoch in (1, 2, 3):
        page.keyboard.press("ArrowRight")
        number = len(expected_warnings("border", epoch))
        expect(page.locator(ARTICLE)).to_have_count(number)
        expect(page.locator(".page-tabs button[aria-pressed='true']")).to_have_text(f"Warnings ({number})")


def test_the_warnings_of_several_runs_are_named_by_their_run(open_page):
    page = open_page(3, "border", "position")
    titles = [(one.title, run) for run in RUNS for one in expected_warnings(run, 3)]
    headings = page.locator(f"{ARTICLE} h3")
    expect(headings).to_have_count(len(titles))
    for text, (title, run) in zip(headings.all_inner_texts(), titles, strict=True):
        assert title in text
        assert run in text
    expect(page.locator(".warnings-view [role='status']")).to_have_text("epoch 3, step 39: 3 warnings")


def test_a_card_opens_its_image_and_escape_returns_to_the_card(open_page):
    page = open_page(3, "border", "position")
    article = page.locator(ARTICLE).nth(2)
    image = shown_images(article)[1]
    article.locator(".mistake-card").nth(1).focus()
    page.keyboard.press("Enter")
    expect(page.locator(".image-view:not([hidden]) h2").first).to_contain_text(f"{image} · ")
    expect(page.locator(".page-tabs button[aria-pressed='true']")).to_contain_text("Warnings")
    expect(page.get_by_role("button", name="‹ Warnings")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(".warnings-view")).to_be_visible()
    assert page.evaluate("document.activeElement.ariaLabel").startswith(f"{image}:")
    page.keyboard.press("Escape")
    expect(page.locator(".strip")).to_be_visible()
