"""Generations of a bank, whose maps are numbers that tell which image they are of."""

from __future__ import annotations

import numpy as np

from camaug.saliency_bank.record import BankRecord
from camaug.saliency_bank.saliency_bank import SaliencyBank

SETTINGS = {"explainer": "grad-cam", "size": [24, 24]}


def record(**changes) -> BankRecord:
    fields = {"count": 5, "grid": (2, 3), "classes": 4, "world_size": 2, "model": "a1", "settings": SETTINGS}
    return BankRecord(**{**fields, **changes})


def maps_of(count: int, grid=(2, 3), offset: int = 0) -> np.ndarray:
    """Map i has i * 6, i * 6 + 1, ... in it."""
    return (np.arange(count * grid[0] * grid[1]) + offset).astype(np.uint8).reshape(count, *grid)


def fill(bank: SaliencyBank, number: int, offset: int = 0) -> None:
    made = bank.record(number)
    maps = maps_of(made.count, made.grid, offset)
    for shard in bank.shards(number):
        shard.write(0, maps[shard.rank :: shard.world_size])
        shard.seal()
