"""A real TensorBoard on two training runs, and a real browser."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from camaug import GroupCAM
from tests.tensorboard.browser.training_runs import EPOCHS, create_logger, train
from tests.tensorboard.tensorboard_process import TensorBoardProcess


@pytest.fixture(scope="session")
def logdir(tmp_path_factory):
    """Log directory with ``run/a``, of two methods, and ``run/b``, of one method and another seed."""
    folder = tmp_path_factory.mktemp("runs")
    group_cam = GroupCAM(groups=4, theta=None, blur_kernel_size=5, blur_sigma=5.0)
    train(folder, "a", create_logger(), create_logger(group_cam, "group"))
    train(folder, "b", create_logger(), seed=1)
    return folder


@pytest.fixture(scope="session")
def tensorboard(logdir) -> Iterator[TensorBoardProcess]:
    with TensorBoardProcess(logdir) as process:
        process.wait_for_runs(lambda runs: [len(run["steps"]) for run in runs] == [EPOCHS] * 3)
        yield process


@pytest.fixture
def make_page(browser):
    """Return a function that opens a page. Any script error or policy violation fails the test."""
    from tests.tensorboard.browser.page_tools import CURRENT_CELL, TIMEOUT

    contexts, errors = [], []

    def make(url: str, ready: str | None = CURRENT_CELL, routes=None, set_up=None, **options):
        context = browser.new_context(**{"viewport": {"width": 1400, "height": 1300}, **options})
        contexts.append(context)
        context.set_default_timeout(TIMEOUT)
        context.set_default_navigation_timeout(TIMEOUT)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(error.stack))
        page.on("console", lambda message: errors.append(message.text) if "Security Policy" in message.text else None)
        for pattern, handler in (routes or {}).items():
            page.route(pattern, handler)
        if set_up:
            set_up(page)
        page.goto(url)
        if ready:
            page.wait_for_selector(ready)
        return page

    yield make
    for context in contexts:
        context.close()
    assert errors == []


@pytest.fixture
def page(make_page, tensorboard):
    """Return a page with the tab alone on ``run/b``, completely painted."""
    from tests.tensorboard.browser.page_tools import view_hash, wait_for_paint

    page = make_page(f"{tensorboard.tab_url}#{view_hash(runs=['run/b'])}")
    wait_for_paint(page)
    return page
