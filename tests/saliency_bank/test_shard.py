from __future__ import annotations

import numpy as np
import pytest

from camaug.saliency_bank.shard import Shard
from tests.saliency_bank.generations import maps_of, record


@pytest.mark.parametrize(
    ("maps", "start"),
    [(maps_of(4), 0), (maps_of(1), 3), (maps_of(1, (3, 2)), 0), (maps_of(1).astype(float), 0), (maps_of(1), -1)],
)
def test_what_does_not_fit_is_refused(bank, maps, start):
    shard = bank.shard(bank.begin(record()), 0)
    with pytest.raises(ValueError, match=r"expected uint8 maps \(N, 2, 3\) for rows from 0 to 3, got "):
        shard.write(start, maps)


def test_a_shard_with_gaps_is_not_sealed(bank):
    shard = bank.shard(bank.begin(record()), 0)
    shard.write(1, maps_of(1))
    assert shard.written_rows().tolist() == [False, True, False]
    with pytest.raises(ValueError, match=r"2 of the 3 maps of maps-00000-of-00002\.u8 are not written yet"):
        shard.seal()


def test_a_million_images_are_opened_without_being_read(tmp_path):
    shard = Shard(tmp_path, rank=3, world_size=8, count=1_281_167, grid=(14, 14))
    assert shard.rows == 160_146
    shard.write(shard.rows - 1, np.full((1, 14, 14), 9, dtype=np.uint8))
    assert shard.path.stat().st_size == shard.rows * 196
    assert shard.path.stat().st_blocks * 512 < 2**20  # what was not written takes no room
    maps = shard.open()
    assert isinstance(maps, np.memmap)
    assert (int(maps[0].max()), int(maps[-1].min()), int(shard.written_rows().sum())) == (0, 9, 1)
