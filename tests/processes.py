"""Programs that run as several processes on the CPU, joined by gloo."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
COUNT = 2


def together(module: str, folder: Path, *arguments: str, timeout: int = 240) -> tuple[int, str]:
    """Run ``python -m module folder arguments`` as two processes under torchrun, which ends all when one dies.

    Returns:
        The exit code and what was printed. A run that hangs is a ``subprocess.TimeoutExpired``.
    """
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={COUNT}"]
    done = subprocess.run(
        [*launcher, "-m", module, str(folder), *arguments],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout,
    )
    return done.returncode, done.stdout


def results(folder: Path) -> list[dict[str, Any]]:
    """What each process wrote with :func:`write_result`."""
    return [json.loads((folder / f"rank{rank}.json").read_text()) for rank in range(COUNT)]


def write_result(folder: Path, rank: int, result: dict[str, Any]) -> None:
    (folder / f"rank{rank}.json").write_text(json.dumps(result))
