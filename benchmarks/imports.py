"""How long imports take: fresh interpreters, in turn.

The seconds that the import statement alone takes. The files have been read before, by the round that warms up.
"""

from __future__ import annotations

import statistics
import subprocess
import sys

import torch

from benchmarks.options import Options
from camaug.experiments.report import Cell, Table

__all__ = ["measure"]

MODULES = ("torch", "torchvision", "lightning", "camaug", "camaug.callbacks")
CODE = """
import sys, time
begun = time.perf_counter()
__import__(sys.argv[1])
print(time.perf_counter() - begun)
"""


def measure(options: Options) -> list[Table]:
    """One table: a row for each package."""
    modules = MODULES[::3] if options.quick else MODULES
    seconds: dict[str, list[float]] = {module: [] for module in modules}
    for number in range(options.rounds + 1):
        for module in modules:
            done = subprocess.run([sys.executable, "-c", CODE, module], capture_output=True, text=True, check=True)
            if number > 0:
                seconds[module].append(float(done.stdout.split()[-1]))
    medians = {module: statistics.median(times) for module, times in seconds.items()}
    unit = medians["torch"]
    rows: list[list[Cell]] = [[f"import {module}", time, time / unit] for module, time in medians.items()]
    formats = {"s": "{:.2f}", "times torch": "{:.2f}"}
    notes = [
        f"Python {sys.version.split()[0]}, torch {torch.__version__}. Every row includes what the package imports."
    ]
    return [Table("import time", ("statement", "s", "times torch"), rows, formats, notes)]
