"""Tables as CSV and as Markdown text."""

from __future__ import annotations

import csv
import io

from camaug.experiments.table import Cell, Interval, Table
from camaug.utils.printable import printable

__all__ = ["escape_markdown", "is_numeric", "to_csv", "to_markdown"]


def to_csv(table: Table) -> str:
    """Return a table as CSV with all digits, and with three columns for a value and its confidence interval.

    Example:
        >>> print(to_csv(Table("t", ["method", "%"], [["a", Interval(2.5, 1.0, 4.0)], ["b", Interval(3.0)]])))
        method,%,% low,% high
        a,2.5,1.0,4.0
        b,3.0,,
    """
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    has_intervals = [any(isinstance(row[index], Interval) for row in table.rows) for index in range(len(table.columns))]
    names = zip(table.columns, has_intervals, strict=True)
    writer.writerow([part for name, interval in names for part in _column_names(name, interval)])
    for row in table.rows:
        cells = zip(row, has_intervals, strict=True)
        writer.writerow([part for cell, interval in cells for part in _cell_values(cell, interval)])
    return file.getvalue()


def to_markdown(table: Table) -> str:
    """Return a table as Markdown, with its notes below.

    Example:
        >>> print(to_markdown(Table("t", ["method", "%"], [["a", Interval(2.5, 1.0, 4.0)]], {"%": "{:.1f}"})))
        | method | % |
        | --- | ---: |
        | a | 2.5 [1.0, 4.0] |
    """
    rules = ["---:" if is_numeric(table, index) else "---" for index in range(len(table.columns))]
    lines = [list(table.columns), rules, *table.formatted()]
    text = "\n".join("| " + " | ".join(escape_markdown(cell) for cell in line) + " |" for line in lines)
    return "\n\n".join([text, *map(escape_markdown, table.notes)])


def is_numeric(table: Table, column: int) -> bool:
    """Return True if a column has cells and none of them is text."""
    cells = [row[column] for row in table.rows]
    return bool(cells) and not any(isinstance(cell, str) for cell in cells)


def escape_markdown(text: str) -> str:
    """Return text that contains neither column separators, nor HTML, nor links."""
    return printable(text).replace("|", r"\|").replace("<", "&lt;").replace("](", r"]\(")


def _column_names(name: str, has_intervals: bool) -> list[str]:
    return [name, f"{name} low", f"{name} high"] if has_intervals else [name]


def _cell_values(cell: Cell, has_intervals: bool) -> list[str | int | float | None]:
    if isinstance(cell, Interval):
        return [cell.value, cell.low, cell.high]
    return [cell, None, None] if has_intervals else [cell]
