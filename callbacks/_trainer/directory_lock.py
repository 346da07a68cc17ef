"""Lock of a directory that one process writes at a time."""

from __future__ import annotations

import os
from pathlib import Path

try:
    import fcntl
except ImportError:  # on Windows, where the bank works without a lock
    fcntl = None  # type: ignore[assignment]

__all__ = ["DirectoryLock"]


class DirectoryLock:
    """Lock that a process holds until it releases it or ends in any way.

    Args:
        directory: The directory, created if it is missing.
    """

    def __init__(self, directory: Path) -> None:
        self._path = directory / "lock"
        self._file: int | None = None

    def take(self) -> bool:
        """Take the lock, and return False if another process has it."""
        if fcntl is None or self._file is not None:
            return True
        self._path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            # A record lock, because forked data loaders do not inherit it and may outlive a killed run.
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(file)
            return False
        self._file = file
        return True

    def release(self) -> None:
        """Release the lock."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
