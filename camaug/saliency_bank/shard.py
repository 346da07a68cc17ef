"""One process's shard of a generation of the saliency bank."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from camaug.utils.atomic_write import write_atomically

__all__ = ["Maps", "Shard"]

Maps = NDArray[np.uint8]


@dataclass(frozen=True)
class Shard:
    """The maps of every ``world_size``-th image, from ``rank`` on, in files that one process writes.

    Image i is in shard i % world_size, in row i // world_size. There are three files: the maps, one byte a cell; a mark
    for each written row, one byte a row; and, once all rows are written, a seal with the digest of the maps. Maps reach
    the disk before their rows are marked, so that a killed process leaves no mark without its map.

    Args:
        folder: The generation's folder.
        rank: The process that writes the shard.
        world_size: Number of shards.
        count: Number of images in all shards together.
        grid: Height and width of a map.
    """

    folder: Path
    rank: int
    world_size: int
    count: int
    grid: tuple[int, int]

    @property
    def rows(self) -> int:
        """Number of maps in this shard."""
        return len(range(self.rank, self.count, self.world_size))

    @property
    def path(self) -> Path:
        """The file of the maps."""
        return self._path("maps", "u8")

    def written_rows(self) -> NDArray[np.bool_]:
        """Return a boolean array (rows,) of the written rows, all False if a file is missing or has another size."""
        if not self._is_complete():
            return np.zeros(self.rows, dtype=np.bool_)
        return np.fromfile(self._path("done", "u8"), dtype=np.uint8).astype(np.bool_)

    def write(self, start: int, maps: Maps) -> None:
        """Write maps (N, h, w) to the rows from ``start`` on.

        Raises:
            ValueError: If the maps are not of the bank's type and size, or there are no such rows.
        """
        if maps.dtype != np.uint8 or maps.shape[1:] != self.grid or not 0 <= start <= self.rows - len(maps):
            raise ValueError(
                f"expected uint8 maps (N, {self.grid[0]}, {self.grid[1]}) for rows from 0 to {self.rows}, got "
                f"{maps.dtype} {maps.shape} at row {start}"
            )
        if not self._is_complete():
            self._create()
        self._path("seal", "txt").unlink(missing_ok=True)
        _overwrite(self.path, start * self._map_bytes, np.ascontiguousarray(maps).tobytes())
        _overwrite(self._path("done", "u8"), start, b"\x01" * len(maps))

    def seal(self) -> None:
        """Mark the shard as finished, with the digest of its maps.

        Raises:
            ValueError: If rows are missing.
        """
        if not self._is_complete():
            self._create()
        missing = int((~self.written_rows()).sum())
        if missing:
            raise ValueError(f"{missing} of the {self.rows} maps of {self.path.name} are not written yet")
        write_atomically(self._path("seal", "txt"), self._digest().encode())

    def is_whole(self) -> bool:
        """Return True if every map is written and matches the seal."""
        seal = self._path("seal", "txt")
        return self._is_complete() and seal.is_file() and seal.read_bytes() == self._digest().encode()

    def open(self) -> Maps:
        """Return the maps (rows, h, w), mapped into memory and read when they are accessed."""
        if self.rows == 0:
            return np.zeros((0, *self.grid), dtype=np.uint8)
        return np.memmap(self.path, dtype=np.uint8, mode="r", shape=(self.rows, *self.grid))

    @property
    def _map_bytes(self) -> int:
        return self.grid[0] * self.grid[1]

    def _path(self, kind: str, suffix: str) -> Path:
        return self.folder / f"{kind}-{self.rank:05d}-of-{self.world_size:05d}.{suffix}"

    def _is_complete(self) -> bool:
        sizes = {self.path: self.rows * self._map_bytes, self._path("done", "u8"): self.rows}
        return all(path.is_file() and path.stat().st_size == size for path, size in sizes.items())

    def _create(self) -> None:
        # The marks go first, so that a process killed in between leaves no old marks beside new, empty maps.
        for path, size in ((self._path("done", "u8"), self.rows), (self.path, self.rows * self._map_bytes)):
            with path.open("wb") as file:
                file.truncate(size)

    def _digest(self) -> str:
        digest = hashlib.blake2b(digest_size=16)
        with self.path.open("rb") as file:
            while part := file.read(2**20):
                digest.update(part)
        return digest.hexdigest()


def _overwrite(path: Path, offset: int, content: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
