"""Time of imports in fresh interpreters, in turn.

The time is that of the import statement alone. A warm-up round has read the files before.
"""

from __future__ import annotations

import statistics
import subprocess
import sys

import torch

from benchmarks.options import Options
from camaug.experiments.table import Cell, Table

__all__ = ["measure"]

TORCH = "import torch"
STATEMENTS = (
    TORCH,
    "import torchvision",
    "import lightning",
    "from camaug import GroupCAM, explain",
    "import camaug.callbacks",
    "import camaug.tensorboard.plugin",
    "import camaug",
)
CODE = """
import time
begun = time.perf_counter()
{}
print(time.perf_counter() - begun)
"""


def measure(options: Options) -> list[Table]:
    """Return one table with a row for each statement."""
    statements = STATEMENTS[::3] if options.quick else STATEMENTS
    seconds: dict[str, list[float]] = {statement: [] for statement in statements}
    for number in range(options.rounds + 1):
        for statement in statements:
            command = [sys.executable, "-c", CODE.format(statement)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            if number > 0:
                seconds[statement].append(float(done.stdout.split()[-1]))
    medians = {statement: statistics.median(times) for statement, times in seconds.items()}
    unit = medians[TORCH]
    rows: list[list[Cell]] = [[statement, time, time / unit] for statement, time in medians.items()]
    formats = {"s": "{:.2f}", "times torch": "{:.2f}"}
    notes = [
        f"Python {sys.version.split()[0]}, torch {torch.__version__}. Every row includes what the package imports."
    ]
    return [Table("import time", ("statement", "s", "times torch"), rows, formats, notes)]
