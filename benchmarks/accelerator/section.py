"""Sections of the checks on an accelerator."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import torch

from camaug.experiments.table import Cell

__all__ = ["Section", "Sizes", "attempt"]


@dataclass(frozen=True)
class Sizes:
    """Device and sizes of the checks.

    Attributes:
        device: The device.
        batch: Images in a training batch.
        side: Side of the images in pixels.
        steps: Training steps that are timed.
    """

    device: torch.device
    batch: int = 64
    side: int = 224
    steps: int = 8

    @property
    def is_cuda(self) -> bool:
        """True on a GPU, whose memory and waits PyTorch can count."""
        return self.device.type == "cuda"


@dataclass(frozen=True)
class Section:
    """Checks or measurements with one table.

    Attributes:
        title: Title of the table.
        columns: Names of the columns; the last one is ``error``.
        rows: Function that yields each row as soon as it is measured.
        budget: Seconds of eight minutes after which no further row is begun.
        formats: Display format of a column's numbers.
        only_cuda: True for measurements that need a GPU.
    """

    title: str
    columns: Sequence[str]
    rows: Callable[[Sizes], Iterator[list[Cell]]]
    budget: int
    formats: Mapping[str, str] = field(default_factory=dict)
    only_cuda: bool = False


def attempt(run: Callable[[], list[Cell]], columns: int) -> list[Cell]:
    """Return the cells and an empty error, or empty cells and the error.

    Args:
        run: Function that returns the cells.
        columns: Number of its cells.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return [*run(), ""]
    except Exception as error:  # a failed check is a row of the report
        return [*[None] * columns, f"{type(error).__name__}: {' '.join(str(error).split())}"[:200]]
