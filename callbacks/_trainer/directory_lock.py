"""A directory that one run writes at a time."""

from __future__ import annotations

import os
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows has none, and no lock is better than no bank
    fcntl = None  # type: ignore[assignment]

__all__ = ["DirectoryLock"]


class DirectoryLock:
    """Held by a process until it lets go or dies, however it dies.

    Args:
        directory: The directory; made where it is missing.
    """

    def __init__(self, directory: Path) -> None:
        self._path = directory / "lock"
        self._file: int | None = None

    def take(self) -> bool:
        """Take the lock; False where another process has it."""
        if fcntl is None or self._file is not None:
            return True
        self._path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            # A record lock, since forked data loaders do not inherit it: they may outlive a run that was killed.
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(file)
            return False
        self._file = file
        return True

    def release(self) -> None:
        """Let go."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
