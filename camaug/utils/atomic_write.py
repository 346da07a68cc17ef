"""Files that appear whole or not at all."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

__all__ = ["opened_atomically", "write_atomically"]

_LONGEST_PATH = 259 if os.name == "nt" else None  # characters, unless the system is set to take longer ones
_TOO_LONG = "Windows takes no path of more than 259 characters, choose a folder nearer the root or enable long paths"
_SHOWN = 32  # characters of the target's name in that of its temporary file, which must not be too long


@contextmanager
def opened_atomically(path: Path) -> Iterator[BinaryIO]:
    """Open a file for writing so that no reader sees it half written.

    What is written goes to a temporary file in the same folder. At the end of the block it is flushed to the disk, and
    takes the target's name; until then an older file stays.

    Args:
        path: The file, in a folder that exists.

    Raises:
        OSError: If the file cannot be written; the message says so if its path is too long for Windows. After this or
            any other error in the block the temporary file is removed.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> with opened_atomically(folder / "a.bin") as file:
        ...     _ = file.write(b"new")
        ...     (folder / "a.bin").exists()
        False
        >>> (folder / "a.bin").read_bytes()
        b'new'
    """
    unfinished = path.with_name(_temporary_name(path.name))
    try:
        with unfinished.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    except BaseException as error:
        unfinished.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename == str(unfinished):
            error.filename = str(path)
            if _LONGEST_PATH is not None and len(os.path.abspath(path)) > _LONGEST_PATH:
                error.strerror = f"{error.strerror}: {_TOO_LONG}"
        raise


def write_atomically(path: Path, content: bytes | str) -> None:
    """Write a file so that no reader sees it half written (:func:`opened_atomically`).

    Args:
        path: The file, in a folder that exists.
        content: Bytes, or text to encode as UTF-8.

    Raises:
        OSError: If the file cannot be written.
    """
    with opened_atomically(path) as file:
        file.write(content.encode() if isinstance(content, str) else content)


def _temporary_name(name: str) -> str:
    digest = zlib.crc32(os.fsencode(name))
    return f".{name[:_SHOWN]}.{digest:08x}.{os.getpid()}.tmp"
