"""Check of a folder that results will be written to."""

from __future__ import annotations

import tempfile
from pathlib import Path

from camaug.utils.remote_address import check_local

__all__ = ["check_folder"]


def check_folder(folder: Path, results: str) -> None:
    """Create a folder and check that files can be written there, before hours of work.

    Args:
        folder: The folder.
        results: Description of what is written there, in the plural: ``"the results"``.

    Raises:
        ValueError: If it is a file, or in remote storage.
        OSError: If it cannot be created, or no file in it.

    Example:
        >>> check_folder(Path(tempfile.mkdtemp()) / "new", "the results")
    """
    check_local(folder, results)
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{results} are written to a folder, and {folder.absolute()} is a file: give a folder")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise type(error)(
            error.errno,
            f"{results} cannot be written here ({error.strerror}), give another folder",
            str(folder.absolute()),
        ) from error
