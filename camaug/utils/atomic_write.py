"""Files that appear whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["write_atomically"]


def write_atomically(path: Path, content: bytes | str) -> None:
    """Write a file that no reader ever sees half written.

    The content goes to a file of this process beside the target, is flushed to the disk and then takes the target's
    name; the older file stays until then.

    Args:
        path: The file. Its folder must exist.
        content: Bytes, or text that is written as UTF-8.

    Raises:
        OSError: If the file cannot be written. Nothing is left behind then.
    """
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with unfinished.open("wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    except OSError:
        unfinished.unlink(missing_ok=True)
        raise
