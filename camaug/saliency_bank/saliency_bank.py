"""Saliency maps of the training images on disk, each generation with the record of what it was made from."""

from __future__ import annotations

import re
import shutil
from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np

from camaug.saliency_bank.record import BankRecord
from camaug.saliency_bank.shard import Maps, Shard
from camaug.utils.atomic_write import write_atomically

__all__ = ["SaliencyBank", "bank_bytes"]

ABOUT = "about.json"


class SaliencyBank:
    """Generations of saliency maps in a directory, one folder each.

    A folder ``000007`` holds ``about.json`` (:class:`camaug.saliency_bank.record.BankRecord`) and a shard for each
    process that shares the work (:class:`camaug.saliency_bank.shard.Shard`). A generation is whole when every shard is
    sealed. An unfinished generation is never read, and is continued where it stopped if its record is the same.

    Args:
        directory: The folder of the generations, which is made when the first one begins.

    Example:
        >>> import tempfile
        >>> bank = SaliencyBank(Path(tempfile.mkdtemp()))
        >>> number = bank.begin(BankRecord(2, (1, 3), 10, 1, "a1", {"explainer": "grad-cam"}))
        >>> bank.shard(number, 0).write(0, np.arange(6, dtype=np.uint8).reshape(2, 1, 3))
        >>> bank.shard(number, 0).seal()
        >>> bank.is_whole(number), bank.read(number, [1]).tolist()
        (True, [[[3, 4, 5]]])
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def generations(self) -> list[int]:
        """Return the numbers of the generations with a readable record, oldest first."""
        return [number for number in self._numbers() if self.record(number) is not None]

    def record(self, number: int) -> BankRecord | None:
        """Read the record of a generation, or return None if there is none or it is damaged."""
        path = self.folder(number) / ABOUT
        return BankRecord.from_json(path.read_text(encoding="utf-8", errors="replace")) if path.is_file() else None

    def folder(self, number: int) -> Path:
        """Return the folder of a generation."""
        return self.directory / f"{number:06d}"

    def shard(self, number: int, rank: int) -> Shard:
        """Return one process's shard of a generation.

        Raises:
            FileNotFoundError: If there is no such generation.
        """
        record = self._existing(number)
        return Shard(self.folder(number), rank, record.world_size, record.count, record.grid)

    def shards(self, number: int) -> list[Shard]:
        """Return all shards of a generation."""
        return [self.shard(number, rank) for rank in range(self._existing(number).world_size)]

    def is_whole(self, number: int) -> bool:
        """Return True if every map of the generation matches its checksum. Reads all files."""
        return self.record(number) is not None and all(shard.is_whole() for shard in self.shards(number))

    def is_share_whole(self, number: int, rank: int, processes: int) -> bool:
        """Return True if every map of a process's share matches its checksum, and the process sees the record.

        The share is what the next process wrote, so that all processes together read each file once and see whether
        they share a file system.

        Args:
            number: The generation.
            rank: The process.
            processes: Number of processes, which may differ from the number of shards.
        """
        if self.record(number) is None:
            return False
        shards = self.shards(number)
        return all(shard.is_whole() for shard in shards[(rank + 1) % processes :: processes] or shards[:1])

    def find(self, model: str, settings: str) -> int | None:
        """Return the newest whole generation with these fingerprints of model and settings, or None."""
        for number in reversed(self.generations()):
            record = self._existing(number)
            if (record.model, record.fingerprint) == (model, settings) and self.is_whole(number):
                return number
        return None

    def begin(self, record: BankRecord, keep: Collection[int] = ()) -> int:
        """Return the number of the generation to write: an unfinished one with the same record, or a new one.

        One process must call this before any writes. Unfinished generations with another record are removed.

        Args:
            record: The record of the maps to be written.
            keep: Generations in use, which are left alone.
        """
        unfinished = [number for number in self._numbers() if number not in keep and not self.is_whole(number)]
        same = [number for number in unfinished if _is_continued_by(self.record(number), record)]
        for number in unfinished:
            if number not in same[-1:]:
                self._remove(number)
        if same:
            return same[-1]
        number = max(self._numbers(), default=0) + 1
        self.folder(number).mkdir(parents=True)
        write_atomically(self.folder(number) / ABOUT, record.to_json().encode())
        return number

    def keep_only(self, numbers: Collection[int]) -> None:
        """Remove all other generations."""
        for number in self._numbers():
            if number not in numbers:
                self._remove(number)

    def copy_from(self, other: SaliencyBank, number: int) -> int:
        """Copy a whole generation from another bank, under a new number.

        Returns:
            The number in this bank.
        """
        own = max(self._numbers(), default=0) + 1
        self.folder(own).mkdir(parents=True)
        for path in sorted(other.folder(number).iterdir()):
            if path.name != ABOUT:
                shutil.copyfile(path, self.folder(own) / path.name)
        # Last, because a folder without a record is no generation.
        write_atomically(self.folder(own) / ABOUT, (other.folder(number) / ABOUT).read_bytes())
        return own

    def read(self, number: int, indices: Sequence[int]) -> Maps:
        """Read the maps of some images, (N, h, w), uint8."""
        shards = [shard.open() for shard in self.shards(number)]
        return np.stack([shards[index % len(shards)][index // len(shards)] for index in indices])

    def _numbers(self) -> list[int]:
        if not self.directory.is_dir():
            return []
        return sorted(int(path.name) for path in self.directory.iterdir() if re.fullmatch(r"\d{6,}", path.name))

    def _existing(self, number: int) -> BankRecord:
        record = self.record(number)
        if record is None:
            raise FileNotFoundError(f"{self.directory} has no generation {number}, it has {self.generations()}")
        return record

    def _remove(self, number: int) -> None:
        # The record goes first, so that an interrupted removal leaves no generation.
        (self.folder(number) / ABOUT).unlink(missing_ok=True)
        shutil.rmtree(self.folder(number), ignore_errors=True)


def bank_bytes(count: int, grid: tuple[int, int]) -> int:
    """Compute the size on disk of a generation: one byte a cell, and one byte a map for the mark that it is written.

    Example:
        >>> bank_bytes(1_281_167, (7, 7)) < 2**26
        True
    """
    return count * (grid[0] * grid[1] + 1)


def _is_continued_by(written: BankRecord | None, record: BankRecord) -> bool:
    return written is not None and written.describes_same(record) and written.world_size == record.world_size
