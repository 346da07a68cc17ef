"""Screenshots of the pages of the camaug tab, for tab.md, of a run of the demo: ``make screenshots``."""

from __future__ import annotations

import argparse
import io
import json
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from PIL import Image

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from camaug.tensorboard.report import make_report  # noqa: E402
from tests.chromium import INSTALL, find_chromium  # noqa: E402

OUTPUT = ROOT / "docs" / "images"
ATTEMPTS = 600  # a tenth of a second each
WINDOW = {"width": 1280, "height": 800}
PAGES: Mapping[str, tuple[Mapping[str, Any], str]] = {
    "images": ({}, ".series-line canvas"),
    "mistakes": ({"page": "mistakes"}, ".mistakes-view .mistake-card canvas"),
    "mistake": ({"page": "mistake"}, ".mistake-view .image-panel canvas"),
    "classes": ({"page": "classes", "matrixCell": "2>"}, ".behind .mistake-card canvas"),
    "warnings": ({"page": "warnings", "snapshot": {"epoch": 0}}, ".warnings-view .mistake-card canvas"),
}
"""View state of each page, and the canvases that are painted when it is complete."""


def take_screenshot(browser: Any, report: Path, name: str) -> Image.Image:
    """Return a page of a report as an image, light and 1280 pixels wide.

    Args:
        browser: Playwright's browser.
        report: HTML report of the run.
        name: Key of ``PAGES``.

    Raises:
        RuntimeError: If the images of the page are not drawn within a minute.
    """
    state, canvases = PAGES[name]
    context = browser.new_context(viewport=WINDOW, color_scheme="light")
    try:
        page = context.new_page()
        page.goto(f"{report.as_uri()}#p.camaug.view={quote(json.dumps(state), safe='')}")
        page.locator(f"{canvases} >> visible=true").first.wait_for()
        for _ in range(ATTEMPTS):  # the report's policy forbids scripts that wait in the page
            if page.evaluate(_IS_PAINTED, canvases):
                break
            page.wait_for_timeout(100)
        else:
            raise RuntimeError(f"the page {name!r} of {report} was not painted in {ATTEMPTS // 10} s")
        return Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    finally:
        context.close()


_IS_PAINTED = """(selector) => [...document.querySelectorAll(selector)]
    .filter((canvas) => canvas.checkVisibility())
    .every((canvas) => canvas.getContext("2d").getImageData(5, 5, 1, 1).data[3] === 255)"""


def main() -> None:
    """Write the images of all pages."""
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--logdir", type=Path, required=True, help="folder of the run, such as that of `make demo`")
    logdir = parser.parse_args().logdir
    chromium = find_chromium()
    if chromium is None:
        sys.exit(f"Chromium is not installed: {INSTALL}")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as session:
        report = Path(folder) / "camaug.html"
        report.write_bytes(make_report(logdir))
        browser = session.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for name in PAGES:
            path = OUTPUT / f"tab_{name}.webp"
            take_screenshot(browser, report, name).save(path, quality=70, method=6)
            print(f"{path}: {path.stat().st_size // 1000} kB")


if __name__ == "__main__":
    main()
