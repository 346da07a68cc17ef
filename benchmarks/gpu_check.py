"""Checks and measurements on an accelerator: ``python benchmarks/gpu_check.py``, at most eight minutes on one GPU.

Writes ``gpu_check.md``, and one CSV file for each table, into the output's folder. Each section runs in a process of
its own with a time budget, so that a section that fails, hangs or uses up its time is a line of the report and the
others run on. A section that was measured before is not measured again, except with ``--again``, so that an interrupted
check continues where it stopped. In the table of explainers the CPU computes in float32, a GPU's convolutions in TF32.
With ``--device cpu`` everything runs with small networks and images, to check the script itself.
"""

from __future__ import annotations

import argparse
import json
import logging
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

# The folder of this file, which Python puts first, has a coverage.py in it, and would hide the package of that name.
sys.path[0] = str(Path(__file__).parents[1])

import torch  # noqa: E402
from rich.console import Console  # noqa: E402

from benchmarks import machine  # noqa: E402
from benchmarks.accelerator.explainers import EXPLAINERS  # noqa: E402
from benchmarks.accelerator.host_waits import HOST_WAITS  # noqa: E402
from benchmarks.accelerator.logger_share import LOGGER_SHARE  # noqa: E402
from benchmarks.accelerator.marked_tests import MARKED_TESTS  # noqa: E402
from benchmarks.accelerator.neutrality import NEUTRALITY  # noqa: E402
from benchmarks.accelerator.section import Section, Sizes  # noqa: E402
from benchmarks.accelerator.steps import COMPILED_STEPS, STEPS  # noqa: E402
from benchmarks.accelerator.two_ranks import TWO_RANKS  # noqa: E402
from camaug.experiments.print_report import print_report  # noqa: E402
from camaug.experiments.report import Report  # noqa: E402
from camaug.experiments.table import Table  # noqa: E402
from camaug.experiments.table_text import to_csv, to_markdown  # noqa: E402
from camaug.utils.atomic_write import write_atomically  # noqa: E402

SECTIONS = {
    "tests": MARKED_TESTS,
    "neutrality": NEUTRALITY,
    "host_waits": HOST_WAITS,
    "two_ranks": TWO_RANKS,
    "explainers": EXPLAINERS,
    "logger_share": LOGGER_SHARE,
    "steps": STEPS,
    "compiled_steps": COMPILED_STEPS,
}
CPU_SIZES = {"batch": 4, "side": 32, "steps": 4}
SECONDS = 480.0
GRACE = 30  # seconds beyond its budget after which a section is ended, for imports and the row that it has begun
Start = Callable[[Sequence[str], float], str]


def main(args: Sequence[str] | None = None, start: Start | None = None) -> None:
    """Measure what is not measured yet, and write the report after each section.

    Args:
        args: The arguments, ``sys.argv[1:]`` by default.
        start: Function that runs a section's command within a number of seconds, and returns the cause of a failure or
            an empty string.
    """
    options = _parse(args)
    if options.section:
        logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
        state = _state(options.output, options.section)
        measure(SECTIONS[options.section], _sizes(options.device), state, options.seconds)
        return
    end = time.monotonic() + options.seconds
    for name in options.only:
        state = _state(options.output, name)
        if SECTIONS[name].only_cuda and options.device == "cpu":
            continue
        if options.again or not _is_finished(state):
            state.unlink(missing_ok=True)
            budget = min(SECTIONS[name].budget * options.seconds / SECONDS, end - time.monotonic())
            if cause := _start(options, name, budget, start or _run):
                _add_note(state, cause)
        table = _read_table(SECTIONS[name], state)
        print_report(Report(name, [table]), Console(width=160))
        (options.output / f"gpu_check_{name}.csv").write_text(to_csv(table), encoding="utf-8")
        write_report(options.output, torch.device(options.device))


def measure(section: Section, sizes: Sizes, state: Path, seconds: float) -> None:
    """Measure a section, and write its rows to a file after each of them.

    Args:
        section: The section.
        sizes: Device and sizes.
        state: The file.
        seconds: Time after which no further row is begun.
    """
    state.parent.mkdir(parents=True, exist_ok=True)
    begun = time.perf_counter()
    content: dict[str, Any] = {"rows": [], "notes": [], "seconds": 0.0}
    for row in section.rows(sizes):
        content["rows"].append(row)
        content["seconds"] = time.perf_counter() - begun
        write_atomically(state, json.dumps(content))
        if content["seconds"] > seconds:
            content["notes"] = [f"ended after {content['seconds']:.0f} s: further rows are not measured"]
            break
    write_atomically(state, json.dumps(content | {"finished": True}))


def write_report(output: Path, device: torch.device) -> None:
    """Write the page of all sections that were measured."""
    facts = machine.describe(device)
    text = "# Checks on an accelerator\n\n" + "".join(f"- {name}: {value}\n" for name, value in facts.items())
    for name, section in SECTIONS.items():
        if (state := _state(output, name)).exists():
            table, seconds = _read_table(section, state), json.loads(state.read_text())["seconds"]
            text += f"\n## {table.name}\n\n{to_markdown(table)}\n{seconds:.0f} s\n"
    write_atomically(output / "gpu_check.md", text)


def _start(options: argparse.Namespace, name: str, budget: float, start: Start) -> str:
    """Measure a section in a process of its own, and return the cause of a failure or an empty string."""
    if budget < 1:
        return "not measured, because the time is over: the same command measures it"
    arguments = {"section": name, "device": options.device, "output": options.output, "seconds": f"{budget:.0f}"}
    words = [f"--{key}={value}" for key, value in arguments.items()]
    return start([sys.executable, str(Path(__file__)), *words], budget + GRACE)


def _run(command: Sequence[str], seconds: float) -> str:
    try:
        done = subprocess.run(command, timeout=seconds, stderr=subprocess.PIPE, text=True)
    except subprocess.TimeoutExpired:
        return f"ended after {seconds:.0f} s, in the middle of a row"
    last = (done.stderr.strip().splitlines() or [""])[-1]
    return "" if done.returncode == 0 else f"ended with status {done.returncode}: {last}"


def _add_note(state: Path, cause: str) -> None:
    """Add the cause of a failure to what a section has measured."""
    content = json.loads(state.read_text(encoding="utf-8")) if state.exists() else {"rows": [], "seconds": 0.0}
    state.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(state, json.dumps(content | {"notes": [cause], "finished": False}))


def _read_table(section: Section, state: Path) -> Table:
    content = json.loads(state.read_text(encoding="utf-8"))
    return Table(section.title, section.columns, content["rows"], section.formats, content["notes"])


def _is_finished(state: Path) -> bool:
    return state.exists() and bool(json.loads(state.read_text(encoding="utf-8")).get("finished"))


def _state(output: Path, name: str) -> Path:
    return output / "gpu_check" / f"{name}.json"


def _sizes(device: str) -> Sizes:
    sizes = Sizes(torch.device(device))
    return sizes if sizes.is_cuda else replace(sizes, **CPU_SIZES)


def _parse(args: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--only", nargs="+", choices=SECTIONS, default=list(SECTIONS))
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results")
    parser.add_argument("--again", action="store_true", help="measure sections that were measured before, too")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="time for everything (default: %(default)s)")
    parser.add_argument("--section", choices=SECTIONS, help="measure one section in this process, and write no report")
    return parser.parse_args(args)


if __name__ == "__main__":
    main()
