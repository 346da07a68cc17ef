"""Maps are compressed only if that makes them smaller, and decompressed only to their announced size."""

from __future__ import annotations

import zlib

import pytest
import torch

from camaug.tensorboard.stored_map import StoredMap


def test_a_map_is_compressed_only_if_that_makes_it_smaller():
    noise = StoredMap(7, 7, 0.0, 1.0, torch.randint(0, 256, (49,)).to(torch.uint8).numpy().tobytes())
    constant = StoredMap(112, 112, 0.0, 1.0, bytes(112 * 112))
    assert noise.pack()[0]["encoding"] == "raw"
    assert len(noise.pack()[1]) == 49
    assert constant.pack()[0]["encoding"] == "zlib"
    assert len(constant.pack()[1]) < 60
    assert StoredMap.unpack(*constant.pack()) == constant


def test_decompression_stops_at_the_announced_size():
    bomb = zlib.compress(bytes(10_000_000))
    header = {"width": 2, "height": 2, "range": [0, 1], "encoding": "zlib", "bytes": len(bomb)}
    with pytest.raises(ValueError, match=r"expected a map of 2 × 2 bytes, got 5 bytes"):
        StoredMap.unpack(header, bomb)
