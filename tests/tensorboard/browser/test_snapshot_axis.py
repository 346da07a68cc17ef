"""On an axis of epochs, steps or time every snapshot has a column, and runs of different cadences are aligned."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from camaug.tensorboard.report import make_report
from tests.tensorboard.browser.page_tools import (
    CURRENT_CELL,
    expect,
    shown_position,
    view_hash,
    wait_for_paint,
    wait_for_script,
)
from tests.tensorboard.browser.training_runs import EPOCHS
from tests.tensorboard.conftest import make_snapshot, write_run

CLASSES = ("ant", "bee", "fly")
POSITIVES = [(0, 1), (1, 2), (0, 1, 2), ()]


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """Report of a run with three snapshots an epoch, and of a run with one an epoch at other steps."""
    folder = tmp_path_factory.mktemp("axis", numbered=False) / "runs"
    snapshots = [replace(make_snapshot(number), positives=POSITIVES) for number in range(6)]
    often = {
        "position": lambda number: (number // 3, 10 * (number + 1)),
        "wall_time": lambda number: 5e8 + 100 * number,
    }
    rarely = {"position": lambda number: (number, 25 * (number + 1)), "wall_time": lambda number: 6e8 + 130 * number}
    write_run(folder / "often", snapshots, classes=CLASSES, **often)
    write_run(folder / "rarely", snapshots[:3], classes=CLASSES, **rarely)
    page = folder / "camaug.html"
    page.write_bytes(make_report(folder))
    return page.as_uri()


def runs(*names: str) -> list[str]:
    return [f"axis/runs/{name}" for name in names]


def test_several_snapshots_an_epoch_are_columns_of_steps(make_page, report):
    page = make_page(f"{report}#{view_hash(runs=runs('often'))}")
    assert page.locator(".column button").all_inner_texts() == ["10", "20", "30", "40", "50", "60"]
    assert page.locator(".column-epoch").all_inner_texts() == ["epoch 0", "", "", "epoch 1", "", ""]
    assert shown_position(page) == "step 60"
    expect(page.locator(".snapshot-extent")).to_have_text("of 10–60, epoch 1")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    expect(page.locator(CURRENT_CELL)).to_have_attribute(
        "aria-label", re.compile("image 0, step 40, epoch 1: predicted")
    )
    wait_for_script(page, "decodeURIComponent(location.hash).includes('{\"step\":40}')")
    page.locator(".chart svg").first.click(position={"x": 40, "y": 40})
    expect(page.locator(CURRENT_CELL)).to_have_attribute("data-position", "10")


def test_the_user_chooses_epochs_steps_or_time(make_page, report):
    page = make_page(f"{report}#{view_hash(runs=runs('often'), snapshot={'step': 40})}")
    axis = page.get_by_label("Axis", exact=True)
    assert axis.locator("option").all_inner_texts() == ["Auto (steps)", "Epochs", "Steps", "Time"]
    columns, extent = page.locator(".column button"), page.locator(".snapshot-extent")
    axis.select_option("epoch")
    expect(columns).to_have_text(["0 (1/3)", "0 (2/3)", "0 (3/3)", "1 (1/3)", "1 (2/3)", "1 (3/3)"])
    assert shown_position(page) == "epoch 1 (1/3)"
    expect(extent).to_have_text("of 0 (1/3)–1 (3/3), step 40")
    axis.select_option("time")
    expect(columns).to_have_text(["0:00:00", "0:01:40", "0:03:20", "0:05:00", "0:06:40", "0:08:20"])
    expect(page.locator(".column-epoch")).to_have_text(["epoch 0", "", "", "epoch 1", "", ""])
    assert shown_position(page) == "time 0:05:00"
    expect(extent).to_have_text("of 0:00:00–0:08:20, step 40, epoch 1")
    columns.nth(1).click()
    wait_for_script(page, """location.hash.length && decodeURIComponent(location.hash).includes('"axis":"time"')""")
    wait_for_script(page, "decodeURIComponent(location.hash).includes('{\"step\":20}')")
    page.reload()
    expect(page.locator(".snapshot-label")).to_have_text("time 0:01:40")
    expect(page.get_by_label("Axis", exact=True)).to_have_value("time")
    page.get_by_label("Axis", exact=True).select_option("auto")
    expect(page.locator(".snapshot-label")).to_have_text("step 20")


def test_runs_of_different_cadences_share_an_axis_of_epochs_and_of_time(make_page, report):
    page = make_page(f"{report}#{view_hash(runs=runs('often', 'rarely'), axis='epoch', snapshot={'epoch': 1})}")
    columns = page.locator(".column button")
    expect(columns).to_have_text(["0 (1/3)", "0 (2/3)", "0", "1 (1/3)", "1 (2/3)", "1", "2"])
    assert shown_position(page) == "epoch 1"
    shown = page.locator(".image-row").first.locator(".shown-snapshot")
    expect(shown).to_have_text(["", ""])
    columns.nth(4).click()
    expect(shown).to_have_text(["", "at 0"])  # the last snapshot before
    columns.nth(6).click()
    expect(shown).to_have_text(["at 1", ""])
    page.get_by_label("Axis", exact=True).select_option("time")
    expect(columns).to_have_text(
        ["0:00:00", "0:01:40", "0:02:10", "0:03:20", "0:04:20", "0:05:00", "0:06:40", "0:08:20"]
    )
    assert shown_position(page) == "time 0:04:20"  # the step is what the view keeps
    expect(shown).to_have_text(["at 0:03:20", ""])


def test_every_snapshot_has_a_position_of_its_own(make_page, report):
    """Worked by hand: epochs and times that stand still or go back, and times that differ by less than a second."""
    page = make_page(report)
    found = page.evaluate(
        """async () => {
            const { placeInEpochs } = await import("camaug/epoch_positions.js");
            const { clockTime, timesOfRuns } = await import("camaug/run_times.js");
            const epochs = [[0, 0, 1, 1, 1, 4], [1, 0, 1], [3]];
            const times = timesOfRuns([
                { run: "a", steps: [1, 2, 3, 4], wall_times: [100, 160, 90, 90] },
                { run: "b", steps: [7, 9], wall_times: [205, 305] },
                { run: "b", steps: [7, 9], wall_times: [200, 310] },
            ]);
            return {
                positions: epochs.map((list) => placeInEpochs(list).map((one) => one.epochPosition.toFixed(2))),
                times: Object.fromEntries([...times].map(([run, ofRun]) => [run, [...ofRun.entries()]])),
                texts: [[0, 59, 3600, 366005], [0, 0.25, 59.96], [0, 59.999, 60]].map((all) => all.map(clockTime(all))),
            };
        }"""
    )
    assert found["positions"] == [
        ["-0.50", "0.00", "0.33", "0.67", "1.00", "4.00"],
        ["0.33", "0.67", "1.00"],
        ["3.00"],
    ]
    assert found["times"] == {"a": [[1, 0], [2, 60], [3, 60.001], [4, 60.002]], "b": [[7, 0], [9, 105]]}
    assert found["texts"] == [
        ["0:00:00", "0:00:59", "1:00:00", "101:40:05"],
        ["0:00:00.0", "0:00:00.3", "0:01:00.0"],
        ["0:00:00.000", "0:00:59.999", "0:01:00.000"],
    ]


def test_steps_are_those_of_the_scalars(page, logdir):
    page.get_by_label("Axis", exact=True).select_option("step")
    events = EventAccumulator(str(logdir / "run" / "b")).Reload()
    steps = [str(event.step) for event in events.Scalars("cam/confidence")]
    assert len(steps) == EPOCHS
    expect(page.locator(".column button")).to_have_text(steps)


def test_every_label_is_shown_and_any_of_them_is_right(make_page, report):
    page = make_page(f"{report}#{view_hash(runs=runs('often'))}")
    names = page.locator(".image-row .class-name").all_inner_texts()
    assert names == ["ant, bee", "bee, fly", "ant, bee, fly", "no label"]
    correctness = page.locator(".line-header").evaluate_all("(all) => all.map((one) => one.dataset.correctness)")
    predicted = make_snapshot(5).predicted.tolist()
    expected = ["correct" if label in labels else "wrong" for label, labels in zip(predicted, POSITIVES, strict=True)]
    assert correctness == [*expected[:3], "no label"]
    page.get_by_label("Class", exact=True).select_option("fly")
    expect(page.locator(".image-count")).to_have_text("2 of 4 images")


def test_runs_of_different_cadences_are_aligned_by_step(make_page, report):
    view = {"runs": runs("often", "rarely"), "page": "compare", "snapshot": {"step": 40}}
    series = [f"{run}|cam|group-cam" for run in view["runs"]]
    page = make_page(f"{report}#{view_hash(**view, series=series[0], compareSeries=series[1])}", ready=".compare-view")
    wait_for_paint(page, ".image-panel canvas")
    titles = page.locator(".side-by-side .title")
    expect(titles.first).to_have_text(f"A: step 25, {view['runs'][1]}")  # its last snapshot before step 40
    expect(titles.nth(1)).to_have_text(f"B: step 40, {view['runs'][0]}")
    aligned = page.get_by_text("Aligned by step: A is its last snapshot before step 40, step 25, epoch 0")
    expect(aligned).to_be_visible()
    page.keyboard.press("End")  # step 75, which B has not reached
    expect(titles.nth(1)).to_have_text(f"B: step 60, {view['runs'][0]}")
    expect(titles.first).to_have_text(f"A: step 50, {view['runs'][1]}")
    page.get_by_label("B: snapshot", exact=True).select_option("40")
    expect(titles.nth(1)).to_have_text(f"B: step 40, {view['runs'][0]}")
    page.get_by_label("A: snapshot", exact=True).select_option(label="step 75, epoch 2")
    expect(titles.first).to_have_text(f"A: step 75, {view['runs'][1]}")
    page.keyboard.press("Escape")
    expect(page.locator(".column button")).to_have_text(["10", "20", "25", "30", "40", "50", "60", "75"])
    page.locator("summary", has_text="Runs").click()
    page.get_by_role("checkbox", name=view["runs"][0]).uncheck()
    expect(page.locator(".snapshot-label")).to_have_text("epoch 1")  # of step 50, the nearest to step 40


def test_close_percentages_get_more_decimals(make_page, report):
    page = make_page(report)
    shown = page.evaluate(
        """async (groups) => {
            const { createPercentFormat } = await import("camaug/format.js");
            return groups.map((values) => values.map(createPercentFormat(values)));
        }""",
        [[0.502, 0.498], [0.5, 0.5], [0.50001, 0.49999], [0.999, 0.0006, 0.0004], [0.83, 0.17, None]],
    )
    assert shown == [
        ["50.2 %", "49.8 %"],
        ["50 %", "50 %"],
        ["50.00 %", "50.00 %"],
        ["100 %", "< 1 %", "< 1 %"],
        ["83 %", "17 %", "unknown"],
    ]
