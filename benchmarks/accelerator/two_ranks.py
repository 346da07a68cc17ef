"""Training runs of two processes on one device, joined by gloo, with every callback."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks import collectives
from benchmarks.accelerator.section import Section, Sizes
from camaug.experiments.table import Cell

__all__ = ["TWO_RANKS"]


def _rows(sizes: Sizes) -> Iterator[list[Cell]]:
    network = "resnet50" if sizes.is_cuda else "resnet18"
    table = collectives.tabulate(2, collectives.measure(2, list(collectives.CALLBACKS), network, sizes.device))
    yield from (list(row) for row in table.rows)


TWO_RANKS = Section("two processes on one device", (*collectives.COLUMNS[:-1], "error"), _rows, budget=45)
