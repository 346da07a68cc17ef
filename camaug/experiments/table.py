"""Tables of a report and the values in their cells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

__all__ = ["Cell", "Interval", "Table"]


@dataclass(frozen=True)
class Interval:
    """A value and its confidence interval.

    Attributes:
        value: The value.
        low: Lower end of the interval; None if the interval is unknown, for a single image for example.
        high: Upper end of the interval; None if the interval is unknown.
    """

    value: float
    low: float | None = None
    high: float | None = None

    def scaled(self, factor: float) -> Interval:
        """Return the interval in another unit: ``scaled(100)`` converts a share to percent.

        Example:
            >>> Interval(0.25, 0.125, 0.5).scaled(100)
            Interval(value=25.0, low=12.5, high=50.0)
        """
        ends = (None if end is None else end * factor for end in (self.low, self.high))
        return Interval(self.value * factor, *ends)


Cell = str | int | float | Interval | None


@dataclass(frozen=True)
class Table:
    """Named columns and rows of values.

    Attributes:
        name: Name of the table, of its files and of its tag in TensorBoard.
        columns: Names of the columns, with their units.
        rows: One cell for each column: numbers without rounding; None for an empty cell.
        formats: Display format of a column's numbers, ``{"over-all, %": "{:.1f}"}``. CSV files have all digits.
        notes: Remarks below the table: what was left out, and why.

    Raises:
        ValueError: If a row has another number of cells than there are columns, or a format names no column.

    Example:
        >>> table = Table("speed", ["method", "ms"], [["grad-cam", 12.34], ["rise", 5678.9]], {"ms": "{:.1f}"})
        >>> table.formatted()
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
        """Return the cells of one column.

        Raises:
            ValueError: If there is no column of that name.
        """
        if name not in self.columns:
            raise ValueError(f"the table {self.name!r} has no column {name!r}, expected one of {list(self.columns)}")
        return [row[list(self.columns).index(name)] for row in self.rows]

    def formatted(self) -> list[list[str]]:
        """Return the cells as text, rounded as the formats say."""
        formats = [self.formats.get(column, "{:.4g}") for column in self.columns]
        return [[_format_cell(cell, form) for cell, form in zip(row, formats, strict=True)] for row in self.rows]


def _format_cell(cell: Cell, form: str) -> str:
    if cell is None:
        return "–"
    if isinstance(cell, Interval):
        if cell.low is None or cell.high is None:
            return f"{form.format(cell.value)} [not known]"
        return f"{form.format(cell.value)} [{form.format(cell.low)}, {form.format(cell.high)}]"
    if isinstance(cell, str):
        return cell
    return str(cell) if isinstance(cell, int) else form.format(cell)
