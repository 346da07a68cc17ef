"""Check of a checkpoint's size before it is loaded."""

from __future__ import annotations

import zipfile
from pathlib import Path

__all__ = ["check_archive"]


def check_archive(path: Path) -> None:
    """Raise an error for a checkpoint that would take more memory than it has bytes.

    PyTorch stores tensors uncompressed, each once, but unpacks compressed ones too, at up to a thousand times their
    size. Reads the archive's directory alone. Other files than archives are left to ``torch.load``.

    Args:
        path: A file.

    Raises:
        ValueError: If the archive's files are together larger than the archive.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
    except (zipfile.BadZipFile, OSError, NotImplementedError):
        return  # a damaged file, or in PyTorch's older format
    if unpacked > (size := path.stat().st_size):
        raise ValueError(
            f"the checkpoint {str(path)!r} of {size:,} bytes unpacks to {unpacked:,} bytes, and PyTorch compresses "
            "nothing: it could be a decompression bomb. If you know where it is from, save it again with torch.save"
        )
