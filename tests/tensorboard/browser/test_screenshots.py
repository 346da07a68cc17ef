"""The screenshots of docs/tab.md: each page can be made, and its file is there."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from camaug.tensorboard.report import make_report
from tests.tensorboard.browser.training_runs import create_logger, train
from tests.tensorboard.browser.warned_snapshots import attend_to_border, snapshot_without_warning
from tests.tensorboard.conftest import write_run

DOCS = Path(__file__).parents[3] / "docs"
SPEC = importlib.util.spec_from_file_location("tab_screenshots", DOCS / "tab_screenshots.py")
screenshots = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(screenshots)


@pytest.fixture(scope="module")
def reports(tmp_path_factory) -> dict[str, Path]:
    """Return a report with mistakes and one with warnings."""
    folder = tmp_path_factory.mktemp("screenshots")
    train(folder, "a", create_logger(mistakes=9), epochs=1)
    write_run(folder / "warned", [attend_to_border(snapshot_without_warning(0), 4)])
    for name in ("run", "warned"):
        (folder / f"{name}.html").write_bytes(make_report(folder / name))
    return {"mistakes": folder / "run.html", "warnings": folder / "warned.html"}


@pytest.mark.parametrize("name", screenshots.PAGES)
def test_every_page_can_be_made(browser, reports, name):
    image = screenshots.take_screenshot(browser, reports["warnings" if name == "warnings" else "mistakes"], name)
    assert image.size == (1280, 800)
    pixels = np.asarray(image)
    assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 200  # the colours of heatmaps
    assert pixels[-1, 0].min() >= 245  # the light background


@pytest.mark.parametrize("name", screenshots.PAGES)
def test_the_page_of_the_tab_shows_every_screenshot(name):
    assert f"(images/tab_{name}.webp)" in (DOCS / "tab.md").read_text(encoding="utf-8")
    path = DOCS / "images" / f"tab_{name}.webp"
    with Image.open(path) as image:
        assert image.size == (1280, 800)
    assert path.stat().st_size < 120_000
