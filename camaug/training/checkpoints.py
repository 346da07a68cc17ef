"""Checkpoints of training runs: finding the last one and its run, and reading one weights-only."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch

from camaug.training.check_archive import check_archive

__all__ = ["INTERRUPTED", "last_checkpoint", "read_checkpoint", "run_to_continue"]

LAST, INTERRUPTED = "last.ckpt", "interrupted.ckpt"
FOLDER = "checkpoints"


def last_checkpoint(runs: Path) -> Path | None:
    """Return the newest ``RUN/checkpoints/last.ckpt`` in a folder of runs, or None if there is none."""
    return max(runs.glob(f"*/{FOLDER}/{LAST}"), key=lambda path: path.stat().st_mtime_ns, default=None)


def run_to_continue(checkpoint: Path, runs: Path) -> str | None:
    """Return the run directory whose last or interrupted checkpoint this is, or None.

    Args:
        checkpoint: The checkpoint's path.
        runs: The folder of the runs.

    Example:
        >>> run_to_continue(Path("runs/demo/version_3/checkpoints/last.ckpt"), Path("runs/demo"))
        'version_3'
        >>> run_to_continue(Path("runs/demo/version_3/checkpoints/best.ckpt"), Path("runs/demo"))
    """
    run = Path(os.path.abspath(checkpoint)).parent.parent
    is_last = checkpoint.name in (LAST, INTERRUPTED) and checkpoint.parent.name == FOLDER
    return run.name if is_last and run.parent == Path(os.path.abspath(runs)) else None


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint weights-only, with tensors mapped into memory.

    Args:
        path: The file.

    Raises:
        ValueError: If the file cannot be loaded weights-only, is compressed, or is not of a training run.
    """
    check_archive(path)
    try:
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except Exception as error:
        raise ValueError(
            f"the checkpoint {str(path)!r} cannot be loaded weights-only ({type(error).__name__}): it is damaged, of "
            "another program, or holds more than tensors and plain values, and nothing is ever unpickled. Give one "
            "that `fit` has written"
        ) from error
    if not isinstance(content, dict) or "state_dict" not in content:
        raise ValueError(
            f"the checkpoint {str(path)!r} has no state_dict, so it is not of a training run. If it holds the weights "
            "alone, begin with them in a new run (--model.checkpoint FILE)"
        )
    return content
