"""Checkpoint of a run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from camaug.utils.remote_address import check_local

__all__ = ["find_checkpoint"]

KEYWORDS = ("best", "last")
RUNS = Path("runs")


def find_checkpoint(given: str, keywords: Sequence[str] = KEYWORDS) -> Path:
    """Return a checkpoint's file, found by its own path, by its run's folder, or as the newest.

    Args:
        given: A file; a folder of one or several runs; or ``best`` or ``last``, for that of the newest run in ``runs``.
        keywords: The checkpoints of a folder, the preferred first.

    Raises:
        FileNotFoundError: If there is none.
        ValueError: If it is in remote storage.
    """
    check_local(given, "the checkpoint's files", "copy the run to this machine and give its folder")
    path = Path(given).expanduser()
    if path.is_file():
        return path
    if path.is_dir():
        names, folder = [f"{keyword}.ckpt" for keyword in keywords], path
    elif given in KEYWORDS:
        names, folder = [f"{given}.ckpt"], RUNS
    else:
        raise FileNotFoundError(
            f"there is no checkpoint {given!r} (relative paths start in {Path.cwd()}): give a file, the folder of a "
            "run, or best or last for the newest run"
        )
    for name in names:
        if found := _newest(folder, name):
            return found
    raise FileNotFoundError(f"there is no {' or '.join(names)} in {folder.absolute()} or the folders below it")


def _newest(folder: Path, name: str) -> Path | None:
    return max(folder.rglob(name), key=lambda path: path.stat().st_mtime_ns, default=None)
