"""The log directory and TensorBoard change while the tab is open."""

from __future__ import annotations

import shutil
import urllib.parse

from tests.tensorboard.browser.page_tools import CURRENT_CELL, canvas_pixels, expect, wait_for_paint, wait_for_script
from tests.tensorboard.conftest import make_snapshot, write_run
from tests.tensorboard.tensorboard_process import TensorBoardProcess
from tests.tensorboard.waiting import wait_until

CANVAS = ".series-line canvas"


def count_requests(page) -> list[str]:
    """Return a list to which the address of every later request is appended."""
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    return requests


def test_a_deleted_run_is_named_and_the_others_are_shown(make_page, tmp_path):
    for name in ("a", "b"):
        write_run(tmp_path / name, [make_snapshot(epoch) for epoch in range(3)])
    with TensorBoardProcess(tmp_path) as tensorboard:
        tensorboard.wait_for_runs(lambda runs: len(runs) == 2)
        page = make_page(f"{tensorboard.url}#camaug", ready=None)
        frame = page.frame_locator("iframe")
        frame.locator(CURRENT_CELL).wait_for()
        expect(frame.locator(".toolbar summary").first).to_have_text("Runs: b")
        shutil.rmtree(tmp_path / "b")
        tensorboard.wait_for_runs(lambda runs: [run["run"] for run in runs] == ["a"])
        page.locator("button.reload-button").click()
        expect(frame.get_by_role("alert")).to_have_text("No longer in the log directory, or without heatmaps: b.")
        expect(frame.locator(".toolbar summary").first).to_have_text("Runs: a")
        wait_for_paint(page.frames[1])
        requests = count_requests(page)
        for _ in range(3):
            with page.expect_response("**/plugin/camaug/runs*"):
                page.locator("button.reload-button").click()
        assert {urllib.parse.urlsplit(url).path.rpartition("/")[2] for url in requests if "/camaug/" in url} == {"runs"}
        frame.locator(".toolbar summary").first.click()
        frame.get_by_role("checkbox", name="a", exact=True).click()  # a choice of runs removes the line
        expect(frame.get_by_role("alert")).to_be_hidden()


def test_a_run_that_replaces_another_of_its_name_is_shown(make_page, tmp_path):
    write_run(tmp_path / "a", [make_snapshot(epoch) for epoch in range(3)])
    with TensorBoardProcess(tmp_path) as tensorboard:
        tensorboard.wait_for_runs(lambda runs: len(runs) == 1 and len(runs[0]["steps"]) == 3)
        page = make_page(f"{tensorboard.url}#camaug", ready=None)
        frame = page.frame_locator("iframe")
        frame.locator(CURRENT_CELL).wait_for()
        wait_for_paint(page.frames[1])
        cells, image = (canvas_pixels(page.frames[1], selector) for selector in (CANVAS, ".thumbnail"))
        times = tensorboard.fetch_json("runs")["runs"][0]["wall_times"]
        shutil.rmtree(tmp_path / "a")
        write_run(tmp_path / "a", [make_snapshot(epoch + 50) for epoch in range(3)])
        tensorboard.wait_for_runs(lambda runs: len(runs) == 1 and runs[0]["wall_times"][-1] > times[-1])
        tensorboard.wait_for_runs(lambda runs: len(runs[0]["steps"]) == 3)
        page.locator("button.reload-button").click()
        wait_until(lambda: (canvas_pixels(page.frames[1], CANVAS) != cells).any(), "the heatmaps are new")
        wait_until(lambda: (canvas_pixels(page.frames[1], ".thumbnail") != image).any(), "the image is new")


def test_the_tab_recovers_when_tensorboard_is_started_again(make_page, tmp_path):
    write_run(tmp_path / "a", [make_snapshot(epoch) for epoch in range(40)])
    with TensorBoardProcess(tmp_path) as tensorboard:
        tensorboard.wait_for_runs(lambda runs: len(runs) == 1 and len(runs[0]["steps"]) == 40)
        page = make_page(f"{tensorboard.url}#camaug", ready=None)
        frame = page.frame_locator("iframe")
        frame.locator(CURRENT_CELL).wait_for()
        wait_for_paint(page.frames[1])
        port = urllib.parse.urlsplit(tensorboard.url).port
    frame.locator(CURRENT_CELL).press("Home")  # heatmaps that are not loaded yet
    expect(frame.get_by_role("alert")).to_contain_text("No connection to TensorBoard")
    expect(frame.locator(".load-error").first).to_be_visible()
    with TensorBoardProcess(tmp_path, "--port", str(port)) as tensorboard:
        tensorboard.wait_for_runs(lambda runs: len(runs) == 1 and len(runs[0]["steps"]) == 40)
        page.locator("button.reload-button").click()
        expect(frame.get_by_role("alert")).to_be_hidden()
        expect(frame.locator(".load-error").first).to_be_hidden()
        wait_for_paint(page.frames[1])


def test_a_page_of_a_proxy_in_place_of_data_is_named(make_page, tensorboard):
    login = {"status": 200, "content_type": "text/html", "body": "<h1>Sign in</h1>"}
    page = make_page(
        tensorboard.tab_url, ready=".notice h2", routes={"**/camaug/runs": lambda route: route.fulfill(**login)}
    )
    expect(page.get_by_text('Not TensorBoard but another server responded to "runs", with 200')).to_be_visible()


def test_a_file_that_is_still_being_written_shows_its_whole_records(make_page, tmp_path):
    write_run(tmp_path / "a", [make_snapshot(epoch) for epoch in range(3)])
    (events,) = (tmp_path / "a").iterdir()
    content = events.read_bytes()
    events.write_bytes(content[:-100])
    with TensorBoardProcess(tmp_path) as tensorboard:
        tensorboard.wait_for_runs(lambda runs: len(runs) == 1 and len(runs[0]["steps"]) >= 2)
        page = make_page(f"{tensorboard.url}#camaug", ready=None)
        frame = page.frame_locator("iframe")
        frame.locator(CURRENT_CELL).wait_for()
        expect(frame.get_by_role("alert")).to_be_hidden()
        with events.open("ab") as file:
            file.write(content[-100:])
        tensorboard.wait_for_runs(lambda runs: len(runs[0]["steps"]) == 3)
        page.locator("button.reload-button").click()
        expect(frame.locator(".column button")).to_have_count(3)
        wait_for_script(page.frames[1], "document.querySelectorAll('.load-error:not([hidden])').length === 0")
