"""`write_report`, which writes a report to files, to TensorBoard and to the terminal."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

from rich.console import Console
from torch import Tensor

from camaug.experiments.plot_curves import plot_curves
from camaug.experiments.print_report import print_report
from camaug.experiments.report import Report
from camaug.experiments.table import Interval, Table
from camaug.experiments.table_text import escape_markdown, to_csv, to_markdown
from camaug.images.writing import png_bytes
from camaug.utils.atomic_write import write_atomically
from camaug.utils.portable_names import portable_name
from camaug.utils.remote_address import check_local

__all__ = ["file_name", "write_report"]

T = TypeVar("T")


def write_report(report: Report, directory: str | Path, writer: Any = None, console: Console | None = None) -> None:
    """Write a report into a folder and to TensorBoard, and print it.

    The folder gets a CSV file for each table, a PNG for each plot and image, and at last ``report.md`` with all of
    them. No file is ever half written.

    Args:
        report: The report.
        directory: The folder; it is created if it does not exist.
        writer: TensorBoard's ``SummaryWriter``; None for no TensorBoard. Tables become text and, if each row has a
            name, scalars ``TABLE/COLUMN/ROW``. Plots and images become images.
        console: Console for the tables; the terminal by default.
    """
    check_local(directory, "the files of the report")
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "report.md").unlink(missing_ok=True)  # it would describe files that are about to change
    images = dict(_with_file_names(_images(report)))
    for name, image in images.items():
        write_atomically(directory / f"{name}.png", png_bytes(image))
    for name, table in _with_file_names((table.name, table) for table in report.tables):
        write_atomically(directory / f"{name}.csv", to_csv(table).encode(errors="backslashreplace"))
    write_atomically(directory / "report.md", _report_text(report, list(images)))
    if writer is not None:
        _write_to_tensorboard(report, images, writer)
    print_report(report, console or Console())


def file_name(name: str) -> str:
    """Return a name as a file name that is valid on every system.

    Example:
        >>> file_name("Over-all by theta, %")
        'over-all_by_theta'
    """
    return portable_name(re.sub(r"[^\w.+-]+", "_", name.lower(), flags=re.ASCII).strip("_."))


def _with_file_names(named: Iterable[tuple[str, T]]) -> Iterator[tuple[str, T]]:
    """Yield what has a name with a file name that none before has."""
    names: set[str] = set()
    for name, value in named:
        candidates = (file_name(f"{name} {number or ''}") for number in count())
        unused = next(each for each in candidates if each not in names)
        names.add(unused)
        yield unused, value


def _images(report: Report) -> Iterator[tuple[str, Tensor]]:
    for curves in report.curves:
        yield curves.name, plot_curves(curves)
    for image in report.images:
        yield image.name, image.image


def _report_text(report: Report, images: Sequence[str]) -> str:
    tables = [f"## {table.name}\n\n{to_markdown(table)}" for table in report.tables]
    links = [f"![{name}]({name}.png)" for name in images]
    return "\n\n".join([_head_text(report), *tables, *links]) + "\n"


def _head_text(report: Report) -> str:
    return "\n\n".join([f"# {report.title}", *map(escape_markdown, report.notes)])


def _write_to_tensorboard(report: Report, images: Mapping[str, Tensor], writer: Any) -> None:
    writer.add_text("report", _head_text(report))
    for table in report.tables:
        writer.add_text(file_name(table.name), to_markdown(table))
        for tag, value in _scalars(table):
            writer.add_scalar(tag, value)
    for name, image in images.items():
        writer.add_image(name, image)
    writer.flush()


def _scalars(table: Table) -> Iterator[tuple[str, int | float]]:
    """Yield the tag and value of each number in a row that begins with a name."""
    names_are_unique = len({str(row[0]) for row in table.rows}) == len(table.rows)
    for row in table.rows:
        if not isinstance(row[0], str):
            continue
        name = row[0] if names_are_unique else f"{row[0]} {row[1]}"
        for column, cell in zip(table.columns[1:], row[1:], strict=True):
            value = cell.value if isinstance(cell, Interval) else cell
            if isinstance(value, int | float):
                yield "/".join(file_name(part) for part in (table.name, column, name)), value
