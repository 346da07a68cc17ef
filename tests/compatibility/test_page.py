from __future__ import annotations

import runpy
from pathlib import Path

from tests.compatibility.cases import GROUPS

DOCS = Path(__file__).parents[2] / "docs"


def test_the_page_has_every_case_as_it_is_tested():
    page = (DOCS / "compatibility.md").read_text()
    updated = runpy.run_path(str(DOCS / "compatibility_table.py"))["updated"]
    assert updated(page) == page, "run: python docs/compatibility_table.py"


def test_no_two_cases_have_the_same_name():
    for cases in GROUPS.values():
        assert len({case.name for case in cases}) == len(cases)
