"""Results of the sections as files, and the page rendered from them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from camaug.experiments.table import Table
from camaug.experiments.table_text import to_csv, to_markdown
from camaug.experiments.write_report import file_name
from camaug.utils.atomic_write import write_atomically

__all__ = ["Result", "load_results", "page", "save_result"]

INTRODUCTION = """# What it costs

This page is written by `python benchmarks/run.py` (see `--help`); `--only SECTION` measures one part again. All
settings of a table run in one process, in turn: every round runs each of them once, the first round is a warm-up, and
the values are medians over the rounds. Milliseconds belong to the machine. **The unit that carries over is the
forward**: one forward pass of the same batch without gradients, float32, contiguous NCHW, in evaluation mode, in plain
PyTorch, measured in the same rounds.

The target layer of each architecture is in [`coverage.md`](coverage.md). For what to choose, see
[`docs/speed.md`](../docs/speed.md).
"""


@dataclass(frozen=True)
class Result:
    """Tables of one section, with how and where they were measured.

    Attributes:
        section: The section's name.
        order: Its position on the page.
        text: How it was measured.
        command: The command that was run.
        machine: The machine that it ran on.
        tables: The measured values.
    """

    section: str
    order: int
    text: str
    command: str
    machine: Mapping[str, str]
    tables: Sequence[Table]


def save_result(result: Result, folder: Path, name: str) -> None:
    """Write a result as ``NAME.json``, and each table as a CSV file."""
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / f"{name}.json", (json.dumps(asdict(result), indent=1) + "\n").encode())
    for table in result.tables:
        write_atomically(folder / f"{name}_{file_name(table.name.partition(',')[0])}.csv", to_csv(table).encode())


def load_results(folder: Path) -> list[Result]:
    """Load all results of a folder, in the order of the page."""
    results = [_load(json.loads(path.read_text())) for path in sorted(folder.glob("*.json"))]
    return sorted(results, key=lambda result: result.order)


def page(results: Sequence[Result]) -> str:
    """Render the page: for every section how it was measured, and its tables with the machine of each."""
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
    return {key: chr(ord("A") + index) for index, key in enumerate(keys)}


def _key(machine: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple((name, value) for name, value in machine.items() if name != "date")


def _listed(machines: Mapping[tuple[tuple[str, str], ...], str]) -> str:
    return "\n".join(f"* **{letter}**: {'; '.join(f'{n}: {v}' for n, v in key)}" for key, letter in machines.items())


def _load(fields: dict[str, Any]) -> Result:
    return Result(**{**fields, "tables": [Table(**table) for table in fields["tables"]]})
