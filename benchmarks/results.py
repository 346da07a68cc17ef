"""Results of the sections as files, and the page that is made of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from camaug.experiments.report import Table
from camaug.experiments.writing import file_name, to_csv, to_markdown
from camaug.utils.atomic_write import write_atomically

__all__ = ["Result", "load_results", "page", "save_result"]

INTRODUCTION = """# What it costs

Made by `python benchmarks/run.py`, which says how it is called (`--help`); `--only SECTION` makes a part anew. All
settings of a table run side by side in one process, in turn: every round does each of them once, a first round warms
up, and the figures are medians over the rounds. Milliseconds belong to the machine; **the unit that carries over is
the forward**: one forward pass of the same batch without gradients, float32, contiguous NCHW, in evaluation mode, in
plain PyTorch, measured in the same rounds.

Which layer is taken in which architecture is in [`coverage.md`](coverage.md). What to choose:
[`docs/speed.md`](../docs/speed.md).
"""


@dataclass(frozen=True)
class Result:
    """What a section found.

    Attributes:
        section: The section's name.
        order: Its place on the page.
        text: How it was measured.
        command: What was called.
        machine: What it ran on.
        tables: The figures.
    """

    section: str
    order: int
    text: str
    command: str
    machine: Mapping[str, str]
    tables: Sequence[Table]


def save_result(result: Result, folder: Path, name: str) -> None:
    """Write a result: ``NAME.json`` with all of it, and a CSV file a table."""
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / f"{name}.json", (json.dumps(asdict(result), indent=1) + "\n").encode())
    for table in result.tables:
        write_atomically(folder / f"{name}_{file_name(table.name.partition(',')[0])}.csv", to_csv(table).encode())


def load_results(folder: Path) -> list[Result]:
    """All results of a folder, in the order of the page."""
    found = [_load(json.loads(path.read_text())) for path in sorted(folder.glob("*.json"))]
    return sorted(found, key=lambda result: result.order)


def page(results: Sequence[Result]) -> str:
    """The page: for every section how it was measured, and its tables with the machine of each."""
    machines = _machines(results)
    parts = [INTRODUCTION.strip(), "## Machines", _listed(machines)]
    section = None
    for result in results:
        if result.section != section:
            section = result.section
            parts += [f"## {section.replace('_', ' ').capitalize()}", result.text.strip()]
        for table in result.tables:
            where = machines[_key(result.machine)]
            parts += [f"**{table.name}** (machine {where}; {result.machine['date']}; `{result.command}`)"]
            parts += [to_markdown(table)]
    return "\n\n".join(parts) + "\n"


def _machines(results: Sequence[Result]) -> dict[tuple[tuple[str, str], ...], str]:
    keys = dict.fromkeys(_key(result.machine) for result in results)
    return {key: chr(ord("A") + place) for place, key in enumerate(keys)}


def _key(machine: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple((name, value) for name, value in machine.items() if name != "date")


def _listed(machines: Mapping[tuple[tuple[str, str], ...], str]) -> str:
    return "\n".join(f"* **{letter}**: {'; '.join(f'{n}: {v}' for n, v in key)}" for key, letter in machines.items())


def _load(given: dict[str, Any]) -> Result:
    return Result(**{**given, "tables": [Table(**table) for table in given["tables"]]})
