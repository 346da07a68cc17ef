"""Programs that tests start as processes of their own, and the signals that those processes inherit."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torch import Tensor

ROOT = Path(__file__).parents[1]
RANKS = 2
LEFT_BY_TRAINERS = ("MASTER_ADDR", "MASTER_PORT", "LOCAL_RANK", "NODE_RANK", "WORLD_SIZE")


@contextmanager
def default_signals() -> Iterator[None]:
    """Let SIGINT, SIGTERM and SIGHUP act as they do in a terminal, here and in processes started inside the block.

    Background jobs, ``nohup`` and some build servers start a process with these signals ignored, which its children
    inherit.
    """
    handlers = {
        signal.SIGINT: signal.default_int_handler,
        signal.SIGTERM: signal.SIG_DFL,
        signal.SIGHUP: signal.SIG_DFL,
    }
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def run_program(*arguments: str | Path, cwd: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run Python on the CPU with these arguments.

    The package and its tests can be imported from any folder.

    Returns:
        The completed process, with everything that was printed in ``stdout``. A program that hangs is a
        ``subprocess.TimeoutExpired``.
    """
    inherited = {name: value for name, value in os.environ.items() if name not in LEFT_BY_TRAINERS}
    ours = {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    with default_signals():
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=cwd,
            env=inherited | ours | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=240,
        )


def run_ranks(module: str, folder: Path, *arguments: str) -> list[dict[str, Any]]:
    """Run ``python -m module folder arguments`` as two ranks under torchrun, which ends both if one fails.

    Returns:
        The result of each rank.
    """
    launcher = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={RANKS}"]
    done = run_program(*launcher, "-m", module, folder, *arguments)
    assert done.returncode == 0, done.stdout[-4000:]
    return read_results(folder)


def write_result(folder: Path, rank: int, result: dict[str, Any]) -> None:
    (folder / f"rank{rank}.json").write_text(json.dumps(result))


def read_results(folder: Path) -> list[dict[str, Any]]:
    """Return what each rank wrote with :func:`write_result`."""
    return [json.loads((folder / f"rank{rank}.json").read_text()) for rank in range(RANKS)]


def digest(tensors: Iterable[Tensor]) -> str:
    """Return a hash of the tensors' bytes, which a result can hold in place of the tensors."""
    return hashlib.sha256(b"".join(tensor.numpy().tobytes() for tensor in tensors)).hexdigest()
