"""Reports to the terminal, to files and to TensorBoard."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table as RichTable
from torch import Tensor

from camaug.experiments.plotting import plot
from camaug.experiments.report import Cell, Interval, Report, Table
from camaug.images.writing import png_bytes
from camaug.utils.atomic_write import write_atomically
from camaug.utils.printable import printable

_UNLIMITED = 10_000

__all__ = ["file_name", "print_report", "to_csv", "to_markdown", "write_report"]


def write_report(report: Report, directory: str | Path, writer: Any = None, console: Console | None = None) -> None:
    """Show a report in the terminal and write it into a folder, and to TensorBoard.

    The folder gets one CSV file a table, one PNG a plot or picture, and ``report.md`` with all of them, last. No file
    appears in parts.

    Args:
        report: The report.
        directory: The folder, made where it does not exist.
        writer: TensorBoard's ``SummaryWriter``; None for no TensorBoard. Tables become text and, where each row has
            a name, scalars ``TABLE/COLUMN/ROW``; plots and pictures become images.
        console: Where the tables are printed; the terminal by default.
    """
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "report.md").unlink(missing_ok=True)  # it would vouch for files that are about to change
    images = {file_name(name): picture for name, picture in _images(report)}
    for name, picture in images.items():
        write_atomically(directory / f"{name}.png", png_bytes(picture))
    for table in report.tables:
        write_atomically(directory / f"{file_name(table.name)}.csv", to_csv(table).encode(errors="backslashreplace"))
    write_atomically(directory / "report.md", _markdown_report(report, list(images)).encode())
    if writer is not None:
        _to_tensorboard(report, images, writer)
    print_report(report, console or Console())


def print_report(report: Report, console: Console) -> None:
    """Print a report's tables and notes."""
    console.rule(report.title, align="left")
    for table in report.tables:
        shown = _rich_table(table, stacked=False)
        fits = console.measure(shown, options=console.options.update(max_width=_UNLIMITED)).maximum <= console.width
        console.print(shown if fits else _rich_table(table, stacked=True))
    for note in report.notes:
        console.print(printable(note), highlight=False, markup=False)


def to_csv(table: Table) -> str:
    """A table for programs: all digits, and three columns for a figure with its confidence interval.

    Example:
        >>> print(to_csv(Table("t", ["method", "%"], [["a", Interval(2.5, 1.0, 4.0)], ["b", Interval(3.0)]])))
        method,%,% low,% high
        a,2.5,1.0,4.0
        b,3.0,,
    """
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    wide = [any(isinstance(row[number], Interval) for row in table.rows) for number in range(len(table.columns))]
    names = zip(table.columns, wide, strict=True)
    writer.writerow([part for name, is_wide in names for part in _column_names(name, is_wide)])
    for row in table.rows:
        writer.writerow([part for cell, is_wide in zip(row, wide, strict=True) for part in _values(cell, is_wide)])
    return file.getvalue()


def to_markdown(table: Table) -> str:
    """A table for people, with its notes below.

    Example:
        >>> print(to_markdown(Table("t", ["method", "%"], [["a", Interval(2.5, 1.0, 4.0)]], {"%": "{:.1f}"})))
        | method | % |
        | --- | ---: |
        | a | 2.5 [1.0, 4.0] |
    """
    rules = ["---:" if _is_numeric(table, number) else "---" for number in range(len(table.columns))]
    lines = [list(table.columns), rules, *table.shown()]
    text = "\n".join("| " + " | ".join(_as_markdown(cell) for cell in line) + " |" for line in lines)
    return "\n\n".join([text, *map(_as_markdown, table.notes)])


def file_name(name: str) -> str:
    """A name as that of a file, the same on every system.

    Example:
        >>> file_name("Over-all by theta, %")
        'over-all_by_theta'
    """
    return re.sub(r"[^\w.+-]+", "_", name.lower(), flags=re.ASCII).strip("_.") or "unnamed"


def _rich_table(table: Table, *, stacked: bool) -> RichTable:
    """A table for the terminal; stacked, each interval stands below its figure."""
    notes = "\n".join(escape(printable(note)) for note in table.notes)
    shown = RichTable(
        title=escape(table.name), title_justify="left", caption=notes or None, caption_justify="left", highlight=False
    )
    for number, column in enumerate(table.columns):
        shown.add_column(escape(column), justify="right" if _is_numeric(table, number) else "left", overflow="fold")
    for row in table.shown():
        shown.add_row(*(escape(_shown(cell, stacked=stacked)) for cell in row))
    return shown


def _shown(cell: str, *, stacked: bool) -> str:
    return printable(cell).replace(" [", "\n[") if stacked else printable(cell)


def _as_markdown(text: str) -> str:
    """Text that is no markup: neither a column, nor HTML, nor a link."""
    return printable(text).replace("|", r"\|").replace("<", "&lt;").replace("](", r"]\(")


def _images(report: Report) -> Iterator[tuple[str, Tensor]]:
    for curves in report.curves:
        yield curves.name, plot(curves)
    for picture in report.pictures:
        yield picture.name, picture.picture


def _markdown_report(report: Report, images: Sequence[str]) -> str:
    tables = [f"## {table.name}\n\n{to_markdown(table)}" for table in report.tables]
    pictures = [f"![{name}]({name}.png)" for name in images]
    return "\n\n".join([f"# {report.title}", *map(_as_markdown, report.notes), *tables, *pictures]) + "\n"


def _to_tensorboard(report: Report, images: dict[str, Tensor], writer: Any) -> None:
    writer.add_text("report", "\n\n".join([f"# {report.title}", *map(_as_markdown, report.notes)]))
    for table in report.tables:
        writer.add_text(file_name(table.name), to_markdown(table))
        named = len({str(row[0]) for row in table.rows}) == len(table.rows)
        for row in table.rows:
            if not isinstance(row[0], str):
                continue
            name = row[0] if named else f"{row[0]} {row[1]}"
            for column, cell in zip(table.columns[1:], row[1:], strict=True):
                value = cell.value if isinstance(cell, Interval) else cell
                if isinstance(value, int | float):
                    writer.add_scalar("/".join(file_name(part) for part in (table.name, column, name)), value)
    for name, picture in images.items():
        writer.add_image(name, picture)
    writer.flush()


def _is_numeric(table: Table, number: int) -> bool:
    cells = [row[number] for row in table.rows]
    return bool(cells) and not any(isinstance(cell, str) for cell in cells)


def _column_names(name: str, is_wide: bool) -> list[str]:
    return [name, f"{name} low", f"{name} high"] if is_wide else [name]


def _values(cell: Cell, is_wide: bool) -> list[str | int | float | None]:
    if isinstance(cell, Interval):
        return [cell.value, cell.low, cell.high]
    return [cell, None, None] if is_wide else [cell]
