"""Pages of the documentation whose code needs other projects' packages."""

from __future__ import annotations

import pytest

from tests.pages import make_photos, missing_packages, run_page


@pytest.mark.parametrize("name", ["hugging_face"])
def test_python_blocks_run(name, tmp_path, monkeypatch):
    page = f"docs/how_to/{name}.md"
    if missing := missing_packages(page):
        pytest.skip(f"{', '.join(missing)} not installed")
    monkeypatch.chdir(tmp_path)
    make_photos(tmp_path)
    run_page(page)
    assert list(tmp_path.rglob("events*"))
