"""Every page works by keyboard and on a narrow screen, and axe-core finds nothing serious in it, light or dark."""

from __future__ import annotations

import pytest

from camaug.tensorboard.report import make_report
from tests.tensorboard.browser.page_tools import CURRENT_CELL, expect, view_hash, wait_for_frames, wait_for_paint
from tests.tensorboard.browser.test_several_labels import several_labels
from tests.tensorboard.browser.training_runs import create_logger, train
from tests.tensorboard.browser.warned_snapshots import attend_to_border, snapshot_without_warning
from tests.tensorboard.conftest import make_snapshot, write_run

axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="pip install '.[test]'")

CLASSES = ("ant", "a class with a name that is longer than any column is wide", "fly")
RUNS = ["access/runs/often", "access/runs/rarely"]
SERIES = [f"{run}|cam|group-cam" for run in RUNS]
TRAINED, WARNED, LABELLED = (f"access/reviewed/{name}" for name in ("run/trained", "warned", "labelled"))
PAGES = {  # the views that are checked: a new page of the tab is a line here
    "strip": {},
    "strip of two runs": {"runs": RUNS},
    "no match": {"query": "nothing"},
    "details": {"page": "details"},
    "compare": {"page": "compare", "runs": RUNS, "series": SERIES[0], "compareSeries": SERIES[1]},
    "swipe": {"page": "compare", "compareMode": "swipe"},
    "mistakes": {"page": "mistakes", "runs": [TRAINED]},
    "mistakes without a match": {"page": "mistakes", "runs": [TRAINED], "mistakeQuery": "nothing"},
    "mistake": {"page": "mistake", "runs": [TRAINED]},
    "classes": {"page": "classes", "runs": [TRAINED]},
    "class": {"page": "classes", "runs": [TRAINED], "matrixCell": "0>"},
    "cell": {"page": "classes", "runs": [TRAINED], "matrixCell": "1>1", "confusionNumbers": "share"},
    "no mistakes": {"page": "mistakes"},
    "no warnings": {"page": "warnings", "runs": [TRAINED]},
    "warnings": {"page": "warnings", "runs": [WARNED]},
    "labels": {"page": "details", "runs": [LABELLED], "row": "10|ant, cat"},
}
READY = {  # what a page shows as soon as its data is loaded
    "mistakes": ".mistake-card",
    "mistake": ".mistake-view canvas",
    "classes": ".matrix",
    "warnings": ".warnings-view [role='status']",
    "details": ".class-panels canvas",
}
CONTROLS = "button, select, input, summary, textarea, a[href], [tabindex]"


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """Report of a run with three snapshots an epoch, and of a run with one an epoch."""
    folder = tmp_path_factory.mktemp("access", numbered=False) / "runs"
    snapshots = [make_snapshot(number) for number in range(6)]
    write_run(folder / "often", snapshots, classes=CLASSES, position=lambda number: (number // 3, 10 * (number + 1)))
    write_run(folder / "rarely", snapshots[:3], classes=CLASSES, position=lambda number: (number, 25 * (number + 1)))
    page = folder / "camaug.html"
    page.write_bytes(make_report(folder))
    return page.as_uri()


@pytest.fixture(scope="module")
def reviewed(tmp_path_factory, report):
    """Report of a run with mistakes, of one with warnings, and of images with several labels."""
    folder = tmp_path_factory.getbasetemp() / "access" / "reviewed"
    train(folder, "trained", create_logger(mistakes=9), epochs=2)
    write_run(folder / "warned", [attend_to_border(snapshot_without_warning(0), 4)], classes=CLASSES)
    write_run(folder / "labelled", [several_labels(epoch) for epoch in range(2)], classes=("ant", CLASSES[1], "cat"))
    page = folder / "camaug.html"
    page.write_bytes(make_report(folder))
    return page.as_uri()


@pytest.fixture
def open_view(make_page, report, reviewed):
    """Return a function that opens a page of ``PAGES``, with the options of a browser context."""

    def open_page(name: str, **options):
        is_reviewed = PAGES[name].get("runs", RUNS) in ([TRAINED], [WARNED], [LABELLED])
        url = reviewed if is_reviewed else report
        page = make_page(f"{url}#{view_hash(**PAGES[name])}", ready=".display-options", **options)
        if is_reviewed:
            ready = READY[PAGES[name]["page"]] if "mistakeQuery" not in PAGES[name] else ".clear-filters"
            expect(page.locator(f"{ready} >> visible=true").first).to_be_visible()
        expect(page.locator(".image-count")).not_to_be_empty()
        wait_for_frames(page)
        return page

    return open_page


def serious_findings(page) -> list[str]:
    violations = axe.Axe().run(page).response["violations"]
    return [
        f"{violation['id']}: {node['html']}: {node['failureSummary']}"
        for violation in violations
        if violation["impact"] in ("serious", "critical")
        for node in violation["nodes"]
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing_serious(open_view, name, scheme):
    page = open_view(name, color_scheme=scheme)
    expect(page.locator(".camaug")).to_have_attribute("data-theme", scheme)
    assert serious_findings(page) == []
    page.locator("summary", has_text="Export").click()
    assert serious_findings(page) == []
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    assert serious_findings(page) == []


@pytest.mark.parametrize("width", [390, *(pytest.param(width, marks=pytest.mark.slow) for width in (420, 1280))])
@pytest.mark.parametrize("name", PAGES)
def test_nothing_is_cut_off_at_the_sides(open_view, name, width):
    page = open_view(name, viewport={"width": width, "height": 844})
    assert outside(page, width) == []
    for menu in ("Export", "Runs"):
        page.locator("summary", has_text=menu).click()
        assert outside(page, width) == []
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    assert outside(page, width) == []


def outside(page, width: int) -> list[str]:
    """Return the visible controls and texts that stick out of the window, except in the film strip, which scrolls."""
    return page.evaluate(
        """(width) => {
            const nodes = [...document.querySelectorAll(".camaug *")].filter(
                (node) => !node.closest(".strip, .swipe, option, svg") && node.checkVisibility() && node.textContent);
            const sticksOut = ({ left, right }) => right - left > 0 && (left < 0 || right > width + 0.5);
            const found = nodes.filter((node) => sticksOut(node.getBoundingClientRect()));
            const { scrollWidth } = document.documentElement;
            return [...found.map((node) => node.outerHTML.slice(0, 120)), ...(scrollWidth > width ? ["the page"] : [])];
        }""",
        width,
    )


@pytest.mark.parametrize("name", PAGES)
def test_the_tabulator_reaches_every_control_with_a_visible_focus(open_view, name):
    page = open_view(name)
    page.evaluate("document.activeElement.blur()")
    controls = page.evaluate(
        """(selector) => [...document.querySelectorAll(selector)]
            .filter((node) => node.checkVisibility() && !node.disabled && node.tabIndex >= 0)
            .map((node, i) => (node.dataset.number = i))""",
        CONTROLS,
    )
    reached = []
    for _ in controls:
        page.keyboard.press("Tab")
        number, outline = page.evaluate(
            """() => {
                const style = getComputedStyle(document.activeElement);
                return [Number(document.activeElement.dataset.number), `${style.outlineStyle} ${style.outlineWidth}`];
            }"""
        )
        assert outline in ("solid 2px", "solid 3px"), page.evaluate("document.activeElement.outerHTML")
        reached.append(number)
    assert sorted(reached) == controls
    # What the tabulator skips is in a grid, whose current column, image and cell it stops at.
    skipped = page.locator("button[tabindex='-1'], [role='gridcell'][tabindex='-1']")
    in_grids = page.locator(".strip, .matrix").locator("button[tabindex='-1'], .cell[tabindex='-1']")
    assert skipped.count() == in_grids.count()


def test_the_current_column_image_and_cell_are_stops_that_move(open_view):
    page = open_view("strip")
    stops = page.locator(".strip [tabindex='0']")
    expect(stops).to_have_count(3)
    page.locator(".column button[tabindex='0']").focus()
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".column button[tabindex='0']")).to_be_focused()
    page.locator(".class-name[tabindex='0']").focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator(".image-row[data-current] .class-name")).to_be_focused()
    expect(page.locator(".image-row[data-current]")).to_contain_text("image 10")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="image 10")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator(CURRENT_CELL)).to_be_focused()


def test_charts_are_moved_by_the_arrow_keys(open_view):
    page = open_view("strip")
    chart = page.locator(".chart svg").first
    last = int(chart.get_attribute("aria-valuemax"))
    chart.focus()
    expect(chart).to_have_attribute("aria-valuenow", str(last))
    page.keyboard.press("ArrowLeft")
    expect(chart).to_have_attribute("aria-valuenow", str(last - 1))
    expect(chart).to_be_focused()


def test_escape_closes_one_thing_at_a_time(open_view):
    page = open_view("details")
    menu = page.locator("summary", has_text="Export")
    menu.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_text("Copy link to this view")).to_be_focused()
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("Escape")
    expect(page.get_by_text("Copy link to this view")).to_be_hidden()
    expect(menu).to_be_focused()
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(page.locator(".detail-view")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(".strip")).to_be_visible()
    search = page.get_by_label("Search by class name")
    search.fill("fly")
    search.press("Escape")
    expect(search).to_have_value("")


def test_a_menu_closes_when_the_focus_leaves_it(open_view):
    page = open_view("strip")
    page.locator("summary", has_text="Runs").press("Enter")
    boxes = page.get_by_role("checkbox", name="access/runs")
    expect(boxes).to_have_count(2)
    for _ in range(3):
        page.keyboard.press("Tab")
    expect(boxes).to_have_count(0)


def test_a_report_follows_the_colour_scheme_while_it_is_open(open_view):
    page = open_view("strip", color_scheme="light")
    wait_for_paint(page)
    root = page.locator(".camaug")
    expect(root).to_have_attribute("data-theme", "light")
    page.emulate_media(color_scheme="dark")
    expect(root).to_have_attribute("data-theme", "dark")


@pytest.mark.parametrize(
    "width", [390, 1400, *(pytest.param(width, marks=pytest.mark.slow) for width in (720, 1000, 1280))]
)
def test_the_slider_and_the_axis_keep_to_their_place(make_page, tensorboard, width):
    page = make_page(tensorboard.tab_url, viewport={"width": width, "height": 900})
    beyond = page.locator(".snapshot-slider").evaluate(
        "(slider) => Math.max(...[...slider.children].map((child) => child.getBoundingClientRect().right))"
        " - slider.getBoundingClientRect().right"
    )
    assert beyond <= 0.5
