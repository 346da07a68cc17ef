"""Results of an experiment: tables, curves, images and notes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from torch import Tensor

from camaug.experiments.table import Table

__all__ = ["Curves", "Report", "ReportImage"]


@dataclass(frozen=True)
class Curves:
    """Lines of one plot.

    Attributes:
        name: Name of the plot, of its file and of its tag in TensorBoard.
        x_label: Quantity on the horizontal axis, with its unit.
        y_label: Quantity on the vertical axis, with its unit.
        series: The x and y values of each line, by its name.
        bands: Lower and upper ends of a band around a line, by the line's name.
    """

    name: str
    x_label: str
    y_label: str
    series: Mapping[str, tuple[Sequence[float], Sequence[float]]]
    bands: Mapping[str, tuple[Sequence[float], Sequence[float]]] = field(default_factory=dict)


@dataclass(frozen=True)
class ReportImage:
    """A named image, (3, H, W) in [0, 1]."""

    name: str
    image: Tensor


@dataclass(frozen=True)
class Report:
    """All results of an experiment.

    Attributes:
        title: Subject of the report.
        tables: Tables of values.
        curves: Data of the plots.
        images: Images.
        notes: Remarks on the whole report: the model, the images, what was left out and why.
    """

    title: str
    tables: Sequence[Table]
    curves: Sequence[Curves] = ()
    images: Sequence[ReportImage] = ()
    notes: tuple[str, ...] = ()

    def table(self, name: str) -> Table:
        """Return the table of a name.

        Raises:
            ValueError: If there is none.
        """
        for table in self.tables:
            if table.name == name:
                return table
        raise ValueError(f"the report has no table {name!r}, expected one of {[table.name for table in self.tables]}")
