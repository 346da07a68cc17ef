"""The tab follows a run that is being written, and reports errors of the server."""

from __future__ import annotations

import re

import lightning as L

from tests.tensorboard.browser.page_tools import CURRENT_CELL, expect
from tests.tensorboard.browser.training_runs import create_logger, train
from tests.tensorboard.tensorboard_process import TensorBoardProcess
from tests.tensorboard.waiting import wait_until


class CallAfterEpoch(L.Callback):
    """A callback that calls a function after an epoch has been logged."""

    def __init__(self, epoch: int, function) -> None:
        self.epoch, self.function = epoch, function

    def on_train_epoch_end(self, trainer, pl_module) -> None:
        if trainer.current_epoch == self.epoch:
            trainer.logger.experiment.flush()
            self.function()


def test_the_tab_follows_a_run_from_an_empty_log_directory(make_page, tmp_path):
    with TensorBoardProcess(tmp_path) as tensorboard:
        page = make_page(f"{tensorboard.url}#camaug", ready=None)
        frame = page.frame_locator("iframe")
        no_heatmaps = frame.get_by_role("heading", name="No heatmaps yet")
        expect(no_heatmaps).to_be_visible()
        expect(frame.get_by_text("CamLogger()])")).to_be_visible()
        train(tmp_path, "without", epochs=1)
        reload(page)
        expect(no_heatmaps).to_be_visible()

        def select_the_first_epoch() -> None:
            wait_for_epochs(page, frame, 2)
            frame.locator(".column button").first.click()
            frame.locator(CURRENT_CELL).press("ArrowDown")

        train(tmp_path, "logged", create_logger(), CallAfterEpoch(1, select_the_first_epoch), epochs=3)
        urls = []
        page.on("request", lambda request: urls.append(request.url))
        wait_for_epochs(page, frame, 3)
        assert ["since=" in url for url in urls if "/snapshots?" in url] == [True]  # only what is new
        expect(frame.locator(CURRENT_CELL)).to_have_attribute("aria-label", re.compile("image 1, epoch 0"))
        tensorboard.stop()
        reload(page)
        expect(frame.get_by_role("alert")).to_contain_text("No connection to TensorBoard")
        expect(frame.locator(".image-row").first).to_be_visible()  # loaded data stays on the screen


def test_an_error_of_the_server_is_shown_until_a_retry_succeeds(make_page, tensorboard):
    is_failing = True

    def respond(route) -> None:
        if is_failing:
            route.fulfill(status=400, json={"error": "the logged data cannot be read (<b>zlib</b>)"})
        else:
            route.continue_()

    page = make_page(tensorboard.tab_url, ready=".notice h2", routes={"**/snapshots?**": respond})
    expect(page.get_by_text("the logged data cannot be read (<b>zlib</b>)")).to_be_visible()
    is_failing = False
    page.get_by_role("button", name="Retry").click()
    page.wait_for_selector(CURRENT_CELL)


def reload(page) -> None:
    page.locator("button.reload-button").click()


def wait_for_epochs(page, frame, count: int) -> None:
    """Press TensorBoard's reload button until the film strip has this number of epochs."""

    def are_shown() -> bool:
        if frame.locator(".column button").count() == count:
            return True
        reload(page)
        return False

    wait_until(are_shown, f"{count} epochs are shown")
