"""Checkpoints of runs: which is the last, which run one is of, and reading one without running what is in it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch

__all__ = ["INTERRUPTED", "last_checkpoint", "read_checkpoint", "run_to_continue"]

LAST, INTERRUPTED = "last.ckpt", "interrupted.ckpt"
FOLDER = "checkpoints"


def last_checkpoint(runs: Path) -> Path | None:
    """The checkpoint that was written last in a folder of runs, ``RUN/checkpoints/last.ckpt``; None where none is."""
    return max(runs.glob(f"*/{FOLDER}/{LAST}"), key=lambda path: path.stat().st_mtime_ns, default=None)


def run_to_continue(checkpoint: Path, runs: Path) -> str | None:
    """The run in a folder of runs that a checkpoint is the last one of, or of its interruption; None for any other.

    Example:
        >>> run_to_continue(Path("runs/demo/version_3/checkpoints/last.ckpt"), Path("runs/demo"))
        'version_3'
        >>> run_to_continue(Path("runs/demo/version_3/checkpoints/best.ckpt"), Path("runs/demo"))
    """
    run = Path(os.path.abspath(checkpoint)).parent.parent
    is_last = checkpoint.name in (LAST, INTERRUPTED) and checkpoint.parent.name == FOLDER
    return run.name if is_last and run.parent == Path(os.path.abspath(runs)) else None


def read_checkpoint(path: Path) -> dict[str, Any]:
    """What is in a checkpoint, weights-only; tensors are read from the disk when they are looked at.

    Args:
        path: The file.

    Raises:
        ValueError: If it cannot be read so, naming it.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
        if not isinstance(content, dict) or "state_dict" not in content:
            raise TypeError("it has no state_dict")
    except Exception as error:
        raise ValueError(
            f"the checkpoint {str(path)!r} cannot be loaded weights-only ({type(error).__name__}): it is damaged, of "
            "another program, or holds more than tensors and plain values, and nothing is ever unpickled. Give one "
            "that `fit` has written"
        ) from error
    return content
