"""The Chromium that the browser tests drive."""

from __future__ import annotations

import shutil
from pathlib import Path

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
INSTALL = "`apt-get install chromium` or `.venv/bin/playwright install --with-deps chromium`"


def find_chromium() -> str | None:
    """Return the path of an installed Chromium or Chrome, or of the one that Playwright installed, or None."""
    return next(filter(None, map(shutil.which, PROGRAMS)), None) or _from_playwright()


def _from_playwright() -> str | None:
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        return None
    with sync_playwright() as session:
        path = session.chromium.executable_path
    return path if Path(path).is_file() else None
