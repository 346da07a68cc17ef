"""Tables of docs/methods.md, made of what each method says of itself.

python docs/methods_table.py    # updates the page
"""

from __future__ import annotations

import re
from pathlib import Path

from camaug.explainers import Explainer, explainer_class, list_explainers

PAGE = Path(__file__).with_name("methods.md")
HEADER = ("name", "class", "paper", "passes", "needs of the model", "checked against")
BLOCK = re.compile(r"(<!-- methods: (\w+) -->\n).*?(<!-- end of methods -->)", flags=re.DOTALL)


def updated(page: str) -> str:
    """Return the page with the table between each pair of markers generated again."""
    return BLOCK.sub(lambda block: f"{block[1]}{table(block[2])}{block[3]}", page)


def table(section: str) -> str:
    """Return the Markdown table of the registered methods of a section."""
    rows = [HEADER, ("---",) * len(HEADER)]
    for name in list_explainers():
        method = explainer_class(name)
        if method.info is not None and method.info.section == section:
            rows.append(row(method))
    return "".join(f"| {' | '.join(cells)} |\n" for cells in rows)


def row(method: type[Explainer]) -> tuple[str, ...]:
    """Return the cells of a method."""
    info = method.info
    assert info is not None
    needs = info.needs if method.class_specific else f"{info.needs}; ignores the target"
    checks = "; ".join(check for check in (info.oracle, info.check) if check)
    return f"`{method.name}`", f"`{method.__name__}`", info.paper, info.passes, needs, checks


if __name__ == "__main__":
    PAGE.write_text(updated(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
