"""Addresses of remote storage, such as ``s3://bucket/runs``, which are not paths of this machine."""

from __future__ import annotations

import os
import re
from pathlib import Path

from camaug.utils.atomic_write import write_atomically

__all__ = ["check_local", "is_remote", "write_to"]

ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):(?=[/:])/{0,2}")  # a drive, C:/, has one letter


def is_remote(path: str | os.PathLike[str]) -> bool:
    r"""Return True for an address of remote storage, also in the form that ``Path`` gives it.

    Example:
        >>> [is_remote(path) for path in ("s3://bucket/runs", Path("gs://bucket"), "simplecache::s3://bucket")]
        [True, True, True]
        >>> [is_remote(path) for path in ("runs/s3", "C:/runs", "C:\\\\runs", "/runs/a:/b")]
        [False, False, False, False]
    """
    return ADDRESS.match(os.fspath(path)) is not None


def check_local(path: str | os.PathLike[str], content: str, way_out: str = "give a local folder") -> None:
    """Raise an error for an address of remote storage, of which ``Path`` would make a folder called ``s3:``.

    Args:
        path: The path.
        content: Description of the content in the plural: ``"the results"``.
        way_out: What to do instead.

    Raises:
        ValueError: If the path is an address.

    Example:
        >>> check_local("s3://bucket/results", "the results")
        Traceback (most recent call last):
        ValueError: the results cannot be in remote storage, got s3://bucket/results: give a local folder
    """
    if is_remote(path):
        address = ADDRESS.sub(lambda match: f"{match[1]}://", os.fspath(path), count=1)
        given = os.fspath(path) if "::" in os.fspath(path) else address
        raise ValueError(f"{content} cannot be in remote storage, got {given}: {way_out}")


def write_to(folder: str | os.PathLike[str], name: str, content: bytes | str) -> None:
    """Write a file into a folder of this machine or of remote storage, which is made if needed.

    Args:
        folder: Path or address of the folder.
        name: Name of the file, which may hold folders.
        content: Bytes, or text to encode as UTF-8.

    Raises:
        OSError: If the file cannot be written.
    """
    if not is_remote(folder):
        path = Path(folder) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, content)
        return
    import fsspec  # Lightning's own, by which its loggers write to the same place

    filesystem, path_there = fsspec.core.url_to_fs(f"{os.fspath(folder).rstrip('/')}/{name}")
    filesystem.makedirs(path_there.rpartition("/")[0], exist_ok=True)
    filesystem.pipe_file(path_there, content.encode() if isinstance(content, str) else content)
