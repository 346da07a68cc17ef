"""Files that appear whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["write_atomically"]


def write_atomically(path: Path, content: bytes | str) -> None:
    """Write a file so that no reader sees it half written.

    The content is written to a temporary file in the same folder and flushed to the disk. Then the file takes the
    target's name; until then an older file stays.

    Args:
        path: The file, in a folder that exists.
        content: Bytes, or text to encode as UTF-8.

    Raises:
        OSError: If the file cannot be written. The temporary file is then removed.
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
