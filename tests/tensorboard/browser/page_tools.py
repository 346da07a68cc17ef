"""Helpers of the browser tests: selectors, view links, and readings of the page's pixels.

Importing this module skips the importing test module if Playwright or Chromium is not installed.
"""

from __future__ import annotations

import base64
import json
import urllib.parse

import numpy as np
import pytest
import torch

from camaug.images.render import colorize
from tests.chromium import INSTALL, find_chromium
from tests.tensorboard.conftest import decode_map
from tests.tensorboard.waiting import LIMIT, wait_until

sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed: pip install '.[test]'")
CHROMIUM = find_chromium()
if CHROMIUM is None:
    pytest.skip(f"Chromium is not installed: {INSTALL}", allow_module_level=True)

TIMEOUT = 1000 * LIMIT  # milliseconds
CURRENT_CELL = ".cell[aria-selected='true']"
expect = sync_api.expect
expect.set_options(timeout=TIMEOUT)


def view_hash(**state) -> str:
    """Return the part of a URL that selects a view."""
    return f"p.camaug.view={urllib.parse.quote(json.dumps(state), safe='')}"


def wait_for_script(page, predicate: str, argument=None) -> None:
    """Wait until a JavaScript predicate is true.

    It is polled from here, because a page with a content-security policy cannot poll it itself.
    """
    wait_until(lambda: page.evaluate(predicate, argument), predicate)


def wait_for_paint(page, canvas: str = ".series-line canvas") -> None:
    """Wait until every visible canvas that matches the selector is painted."""
    wait_for_script(
        page,
        """(selector) => {
            const isPainted = (canvas) => canvas.getContext("2d").getImageData(5, 5, 1, 1).data[3] === 255;
            const canvases = [...document.querySelectorAll(selector)].filter((canvas) => canvas.offsetParent !== null);
            return canvases.length > 0 && canvases.every(isPainted);
        }""",
        canvas,
    )


def wait_for_frames(page) -> None:
    """Wait until the browser has drawn twice."""
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def canvas_pixels(page, selector: str) -> np.ndarray:
    """Return the pixels (H, W, 4) of the first matching canvas, 0 to 255."""
    width, height, data = page.locator(selector).first.evaluate(
        """(canvas) => {
            const { width, height } = canvas;
            const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
            return [width, height, btoa(Array.from(data, (byte) => String.fromCharCode(byte)).join(""))];
        }"""
    )
    return np.frombuffer(base64.b64decode(data), np.uint8).reshape(height, width, 4).astype(int)


def logged_maps(tensorboard, run: str, probe: int):
    """Return the server's maps of one image."""
    response = tensorboard.fetch_json("maps", run=run, prefix="cam", method="grad-cam", probe=probe)
    return response["maps"][str(probe)]


def logged_map(tensorboard, run: str, probe: int, number: int, side: int, class_index: int | None = None) -> np.ndarray:
    """Return a class's map (side, side), by default the predicted one's, in a snapshot, counted from 0."""
    return decode_map(logged_maps(tensorboard, run, probe), number, class_index, (side, side)).numpy()


def logged_snapshots(tensorboard, run: str):
    """Return the server's snapshots of a run."""
    return tensorboard.fetch_json("snapshots", run=run, prefix="cam", method="grad-cam")


def in_colours(values: np.ndarray, colormap: str) -> np.ndarray:
    """Return a map (H, W) as the library colours it: (H, W, 3), 0 to 255."""
    return (colorize(torch.as_tensor(values)[None], colormap)[0].permute(1, 2, 0) * 255).numpy()


def shown_images(page) -> list[int]:
    """Return the indices of the images in the film strip, from top to bottom."""
    if page.locator(".strip").is_hidden():
        return []
    texts = page.locator(".image-row").evaluate_all(
        """(rows) => rows
            .map((row) => [row.getBoundingClientRect().top, row.querySelector(".image-label .secondary").textContent])
            .sort(([a], [b]) => a - b)
            .map(([, text]) => text)"""
    )
    return [int(text.split()[-1]) for text in texts]


def shown_position(page) -> str:
    return page.locator(".snapshot-label").inner_text()
