"""Share of an epoch of a thousand steps that CamLogger takes."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks import epoch
from benchmarks.accelerator.section import Section, Sizes
from benchmarks.options import Options
from camaug.experiments.table import Cell

__all__ = ["LOGGER_SHARE"]


def _rows(sizes: Sizes) -> Iterator[list[Cell]]:
    network = "resnet50" if sizes.is_cuda else "squeezenet1_0"
    side = max(sizes.side, 64)  # the least that SqueezeNet takes
    options = Options(network, sizes.batch, side, 1, sizes.device.type, quick=not sizes.is_cuda)
    for table in epoch.measure(options):
        for what, value in table.rows:
            yield [table.name, what, value, ""]


LOGGER_SHARE = Section(
    "CamLogger in an epoch", ("what", "part", "s or %", "error"), _rows, budget=40, formats={"s or %": "{:.3f}"}
)
