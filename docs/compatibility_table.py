"""Tables of docs/compatibility.md, made of the cases that the tests run.

python docs/compatibility_table.py    # updates the page
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # the tests are not installed

from tests.compatibility.case import Case
from tests.compatibility.cases import GROUPS

PAGE = Path(__file__).with_name("compatibility.md")
BLOCK = re.compile(r"(<!-- cases -->\n).*?(<!-- end of cases -->)", flags=re.DOTALL)
HEADER = ("", "`CamLogger`", "`GroupCamAugmentation`")


def updated(page: str) -> str:
    """Return the page with the tables between the markers generated again."""
    sections = "\n".join(f"## {heading}\n\n{table(cases)}" for heading, cases in GROUPS.items())
    return BLOCK.sub(lambda block: f"{block[1]}\n{sections}\n{block[2]}", page)


def table(cases: list[Case]) -> str:
    """Return the Markdown table of cases."""
    rows = [HEADER, ("---",) * len(HEADER)]
    rows += [(case.name, str(case.logger), str(case.augmentation)) for case in cases]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in rows)


if __name__ == "__main__":
    PAGE.write_text(updated(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
