"""Reader of the saliency bank in any process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from camaug.saliency_bank.saliency_bank import SaliencyBank
from camaug.saliency_bank.shard import Maps

__all__ = ["BankReader"]

NOTHING = -1


class BankReader:
    """Function from an image's index to its map in the generation that is served now, callable in any process.

    The generation's number is in shared memory, so that the processes of a data loader, forked, spawned or persistent,
    see the new one after a refresh. Each process opens the files itself.

    Args:
        directory: The bank's directory.
    """

    def __init__(self, directory: Path) -> None:
        self._bank = SaliencyBank(directory)
        self._current = torch.full((1,), NOTHING, dtype=torch.int64, device="cpu").share_memory_()  # type: ignore[no-untyped-call]
        self._opened: int = NOTHING
        self._shards: list[Maps] = []

    def serve(self, number: int | None) -> None:
        """Serve a generation from now on in every process, or no maps for None."""
        self._current[0] = NOTHING if number is None else number

    def __call__(self, index: int) -> Maps | None:
        """Return the map (h, w) of an image, uint8, or None where no generation is served."""
        number = int(self._current)
        if number == NOTHING:
            return None
        if number != self._opened:
            self._shards = [shard.open() for shard in self._bank.shards(number)]
            self._opened = number
        saliency: Maps = self._shards[index % len(self._shards)][index // len(self._shards)]
        return saliency

    def __getstate__(self) -> dict[str, Any]:
        """Return the state without the open files, which belong to this process."""
        return {**vars(self), "_opened": NOTHING, "_shards": []}
