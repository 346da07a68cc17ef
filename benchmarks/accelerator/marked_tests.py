"""The tests that need a GPU."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.accelerator.section import Section, Sizes
from camaug.experiments.table import Cell

__all__ = ["MARKED_TESTS"]

ROOT = Path(__file__).parents[2]


def _rows(sizes: Sizes) -> Iterator[list[Cell]]:
    files = [str(path) for path in sorted((ROOT / "tests").rglob("test_*.py")) if "mark.gpu" in path.read_text()]
    command = [sys.executable, "-m", "pytest", "-q", "-rA", "--tb=line", "-p", "no:cacheprovider", "-m", "gpu", *files]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    lines = done.stdout.splitlines()
    outcomes = [line.split(" ", 1) for line in lines if line.startswith(("PASSED ", "FAILED ", "ERROR "))]
    for outcome, test in outcomes:
        name, _, cause = test.partition(" - ")
        yield [name, outcome.lower(), cause]
    last = (lines or done.stderr.splitlines() or [""])[-1]
    yield ["all", f"status {done.returncode}", "" if done.returncode == 0 else last]


MARKED_TESTS = Section("tests with the mark `gpu`", ("test", "outcome", "error"), _rows, budget=40, only_cuda=True)
