"""`print_report`, which prints a report in the terminal."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.table import Table as RichTable

from camaug.experiments.report import Report
from camaug.experiments.table import Table
from camaug.experiments.table_text import is_numeric
from camaug.utils.printable import printable

__all__ = ["print_report"]

_UNLIMITED_WIDTH = 10_000


def print_report(report: Report, console: Console) -> None:
    """Print the tables and notes of a report. Tables that are too wide have intervals on lines of their own."""
    console.rule(report.title, align="left")
    for table in report.tables:
        wide = _rich_table(table, stacked=False)
        options = console.options.update(max_width=_UNLIMITED_WIDTH)
        fits = console.measure(wide, options=options).maximum <= console.width
        console.print(wide if fits else _rich_table(table, stacked=True))
    for note in report.notes:
        console.print(printable(note), highlight=False, markup=False)


def _rich_table(table: Table, *, stacked: bool) -> RichTable:
    """Return a table for the terminal. If stacked, each interval is below its value."""
    notes = "\n".join(escape(printable(note)) for note in table.notes)
    rich_table = RichTable(
        title=escape(table.name), title_justify="left", caption=notes or None, caption_justify="left", highlight=False
    )
    for index, column in enumerate(table.columns):
        rich_table.add_column(escape(column), justify="right" if is_numeric(table, index) else "left", overflow="fold")
    for row in table.formatted():
        cells = [printable(cell).replace(" [", "\n[") if stacked else printable(cell) for cell in row]
        rich_table.add_row(*map(escape, cells))
    return rich_table
