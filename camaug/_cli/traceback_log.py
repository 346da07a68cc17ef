"""Traceback of an error, written into the folder of the run that it ended."""

from __future__ import annotations

import traceback
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import lightning as L

__all__ = ["log_traceback", "notes", "run_folders"]


def run_folders(trainer: L.Trainer, settings: Any) -> list[Path]:
    """Return the folders of a run that exist: those of the loggers and of the results.

    Args:
        trainer: The trainer. Its ``log_dir`` is not read, because that waits for the other processes.
        settings: The settings of the command.
    """
    names = [*(getattr(logger, "log_dir", None) for logger in trainer.loggers), settings.get("output")]
    folders = (Path(name).expanduser() for name in names if name)
    return [folder for folder in folders if folder.is_dir()]


def log_traceback(error: BaseException, folders: Iterable[Path], rank: int = 0) -> None:
    """Write the traceback of an error into the first of the folders, and note the file's path on the error.

    Args:
        error: The error.
        folders: Folders that exist.
        rank: Rank of this process.
    """
    file = next((folder / ("traceback.txt" if rank == 0 else f"traceback_{rank}.txt") for folder in folders), None)
    if file is None:
        return
    try:
        file.write_text("".join(traceback.format_exception(error)), encoding="utf-8")
    except OSError:  # as on a full disk, of which the error itself tells
        return
    error.__notes__ = [*notes(error), f"the traceback is in {file.absolute()}"]  # type: ignore[attr-defined]


def notes(error: BaseException) -> list[str]:
    """Return the notes of an error, which Python 3.10 has no method for."""
    return list(getattr(error, "__notes__", []))
