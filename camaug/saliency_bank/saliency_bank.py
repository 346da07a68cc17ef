"""The saliency bank: the map of each training image, on disk, and which model's state it was made from."""

from __future__ import annotations

import re
import shutil
from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from camaug.functional.masks import normalise, undo_upsample
from camaug.saliency_bank.record import BankRecord
from camaug.saliency_bank.shard import Maps, Shard
from camaug.utils.atomic_write import write_atomically

__all__ = ["SaliencyBank", "bank_bytes", "maps_at_grid"]

ABOUT = "about.json"


class SaliencyBank:
    """Generations of maps in a directory, a folder each.

    A folder ``000007`` holds ``about.json`` (:class:`camaug.saliency_bank.record.BankRecord`) and a shard for each
    process that shares the work (:class:`camaug.saliency_bank.shard.Shard`). A generation is
    whole when every shard is sealed. One that is not is continued where it stopped, if it is of the same record, and
    never read.

    Args:
        directory: Where the generations are; made where it is missing, when the first is begun.

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
        """The numbers of the generations whose record can be read, the oldest first."""
        return [number for number in self._numbers() if self.record(number) is not None]

    def record(self, number: int) -> BankRecord | None:
        """What a generation was made from; None where there is none, or its record is not whole."""
        path = self.folder(number) / ABOUT
        return BankRecord.from_json(path.read_text(encoding="utf-8", errors="replace")) if path.is_file() else None

    def folder(self, number: int) -> Path:
        """The folder of a generation."""
        return self.directory / f"{number:06d}"

    def shard(self, number: int, rank: int) -> Shard:
        """A process's part of a generation.

        Raises:
            FileNotFoundError: If there is no such generation.
        """
        record = self._existing(number)
        return Shard(self.folder(number), rank, record.world_size, record.count, record.grid)

    def shards(self, number: int) -> list[Shard]:
        """All parts of a generation."""
        return [self.shard(number, rank) for rank in range(self._existing(number).world_size)]

    def is_whole(self, number: int) -> bool:
        """Whether every map of a generation is there and as it was written; reads all of it."""
        return self.record(number) is not None and all(shard.is_whole() for shard in self.shards(number))

    def find(self, model: str, settings: str) -> int | None:
        """The newest whole generation of a model's state and of settings, both by their fingerprints."""
        for number in reversed(self.generations()):
            record = self._existing(number)
            if (record.model, record.fingerprint) == (model, settings) and self.is_whole(number):
                return number
        return None

    def begin(self, record: BankRecord, keep: Collection[int] = ()) -> int:
        """The number of the generation to write: an unfinished one of the same record, or a new one.

        To be called by one process, before any writes. What is unfinished and of another record is removed.

        Args:
            record: What it is made from.
            keep: Generations that are in use.
        """
        unfinished = [number for number in self._numbers() if number not in keep and not self.is_whole(number)]
        same = [number for number in unfinished if self._continues(number, record)]
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

    def take_over(self, other: SaliencyBank, number: int) -> int:
        """Copy a whole generation of another bank here, under a number of this one.

        Returns:
            Its number here.
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
        """The maps of some images, (N, h, w), uint8."""
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

    def _continues(self, number: int, record: BankRecord) -> bool:
        written = self.record(number)
        return written is not None and written.describes_same(record) and written.world_size == record.world_size

    def _remove(self, number: int) -> None:
        # The record first: what is left of a removal that was interrupted is no generation.
        (self.folder(number) / ABOUT).unlink(missing_ok=True)
        shutil.rmtree(self.folder(number), ignore_errors=True)


def bank_bytes(count: int, grid: tuple[int, int]) -> int:
    """Bytes on disk of the maps of a generation and of their marks.

    Example:
        >>> bank_bytes(1_281_167, (7, 7)) < 2**26
        True
    """
    return count * (grid[0] * grid[1] + 1)


def maps_at_grid(maps: Tensor, grid: tuple[int, int], *, enlarged: bool) -> Tensor:
    """Maps at the images' size as the bank keeps them.

    Args:
        maps: (N, H, W) in [0, 1].
        grid: Height and width to keep.
        enlarged: Whether the maps were enlarged from this grid: then what is kept is the least-squares inverse of the
            bilinear enlarging. Otherwise the mean over each cell is kept, stretched to [0, 1].

    Returns:
        (N, h, w), uint8, 255 for 1.

    Example:
        >>> maps_at_grid(torch.tensor([[[1.0, 1.0, 0.0, 0.0]]]), (1, 2), enlarged=False)
        tensor([[[255,   0]]], dtype=torch.uint8)
    """
    small = undo_upsample(maps, grid) if enlarged else normalise(F.adaptive_avg_pool2d(maps, grid))
    return small.mul(255).round().clamp(0, 255).to(torch.uint8)
