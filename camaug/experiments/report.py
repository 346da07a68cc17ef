"""What an experiment found: tables, curves, pictures and remarks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from torch import Tensor

__all__ = ["Cell", "Curves", "Interval", "Pictures", "Report", "Table"]


@dataclass(frozen=True)
class Interval:
    """A figure and its confidence interval.

    Attributes:
        value: The figure.
        low: The interval's lower end; None where the interval cannot be known, of a single image for example.
        high: The interval's upper end, likewise.
    """

    value: float
    low: float | None = None
    high: float | None = None

    def scaled(self, factor: float) -> Interval:
        """The same in another unit: ``scaled(100)`` turns a share into percent.

        Example:
            >>> Interval(0.25, 0.125, 0.5).scaled(100)
            Interval(value=25.0, low=12.5, high=50.0)
        """
        ends = (None if end is None else end * factor for end in (self.low, self.high))
        return Interval(self.value * factor, *ends)


Cell = str | int | float | Interval | None


@dataclass(frozen=True)
class Table:
    """Figures in rows.

    Attributes:
        name: Its name, which its files and its tag in TensorBoard are called after.
        columns: Names of the columns, with their units.
        rows: One cell a column: a number as it is, without rounding; None where there is none.
        formats: How a column's numbers are shown, ``{"over-all, %": "{:.1f}"}``; files for programs carry all digits.
        notes: Remarks below the table: what was left out, and why.

    Raises:
        ValueError: If a row is not of the columns' number, or a format is of no column.

    Example:
        >>> table = Table("speed", ["method", "ms"], [["grad-cam", 12.34], ["rise", 5678.9]], {"ms": "{:.1f}"})
        >>> table.shown()
        [['grad-cam', '12.3'], ['rise', '5678.9']]
    """

    name: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    formats: Mapping[str, str] = field(default_factory=dict)
    notes: Sequence[str] = ()

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(
                    f"the table {self.name!r} has {len(self.columns)} columns ({', '.join(self.columns)}), and a row "
                    f"of {len(row)} cells: {list(row)}"
                )
        unknown = sorted(set(self.formats) - set(self.columns))
        if unknown:
            raise ValueError(
                f"the table {self.name!r} has no column {', '.join(map(repr, unknown))} to format, expected some of "
                f"{', '.join(self.columns)}"
            )

    def column(self, name: str) -> list[Cell]:
        """The cells of one column.

        Raises:
            ValueError: If there is no column of that name.
        """
        if name not in self.columns:
            raise ValueError(f"the table {self.name!r} has no column {name!r}, expected one of {list(self.columns)}")
        return [row[list(self.columns).index(name)] for row in self.rows]

    def shown(self) -> list[list[str]]:
        """The cells as they are shown to people."""
        formats = [self.formats.get(column, "{:.4g}") for column in self.columns]
        return [[_shown(cell, form) for cell, form in zip(row, formats, strict=True)] for row in self.rows]


@dataclass(frozen=True)
class Curves:
    """Lines of one plot.

    Attributes:
        name: Its name, which its file and its tag are called after.
        x_label: What the horizontal axis measures, with its unit.
        y_label: What the vertical axis measures, with its unit.
        series: Each line's name, its places and its values.
        bands: Lower and upper ends of a band about a line, by the line's name.
    """

    name: str
    x_label: str
    y_label: str
    series: Mapping[str, tuple[Sequence[float], Sequence[float]]]
    bands: Mapping[str, tuple[Sequence[float], Sequence[float]]] = field(default_factory=dict)


@dataclass(frozen=True)
class Pictures:
    """A picture: (3, H, W) in [0, 1], and its name."""

    name: str
    picture: Tensor


@dataclass(frozen=True)
class Report:
    """All that an experiment found.

    Attributes:
        title: What was asked.
        tables: The figures.
        curves: What is shown as a plot.
        pictures: What is shown as a picture.
        notes: What belongs to all of it: the model, the images, what was left out and why.
    """

    title: str
    tables: Sequence[Table]
    curves: Sequence[Curves] = ()
    pictures: Sequence[Pictures] = ()
    notes: tuple[str, ...] = ()

    def table(self, name: str) -> Table:
        """The table of a name.

        Raises:
            ValueError: If there is none.
        """
        for table in self.tables:
            if table.name == name:
                return table
        raise ValueError(f"the report has no table {name!r}, expected one of {[table.name for table in self.tables]}")


def _shown(cell: Cell, form: str) -> str:
    if cell is None:
        return "–"
    if isinstance(cell, Interval):
        if cell.low is None or cell.high is None:
            return f"{form.format(cell.value)} [not known]"
        return f"{form.format(cell.value)} [{form.format(cell.low)}, {form.format(cell.high)}]"
    if isinstance(cell, str):
        return cell
    return str(cell) if isinstance(cell, int) else form.format(cell)
