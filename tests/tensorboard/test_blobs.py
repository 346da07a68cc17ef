"""A map is what it was after it has been bytes, and what comes of a look is small and plain."""

from __future__ import annotations

import json
import zlib

import pytest
import torch

from camaug.functional.masks import normalise, undo_upsample, upsample
from camaug.tensorboard.blobs import BlobTag, from_json, to_json
from camaug.tensorboard.compact import compact, restore
from camaug.tensorboard.probe_blob import ProbeBlob
from camaug.tensorboard.stored_map import StoredMap


def enlarged(grid, size, count=8, seed=0):
    small = torch.rand(count, 1, *grid, generator=torch.Generator().manual_seed(seed))
    return normalise(upsample(small, size)[:, 0])


@pytest.mark.parametrize(
    ("grid", "size"), [((7, 7), (224, 224)), ((14, 14), (224, 224)), ((13, 5), (96, 200)), ((12, 12), (24, 24))]
)
def test_an_enlarged_grid_comes_back_within_one_step_of_a_byte(grid, size):
    maps = enlarged(grid, size)
    stored = compact(maps, grid)
    again = torch.stack([restore(StoredMap.unpack(*each.pack()), size) for each in stored])
    assert {(each.height, each.width) for each in stored} <= {grid, size}
    if size[0] // grid[0] > 2:
        assert (stored[0].height, stored[0].width) == grid
    assert (again - maps).abs().max() <= 1 / 255


def test_the_grid_overshoots_what_is_seen_of_it():
    maps = enlarged((7, 7), (28, 28))
    small = undo_upsample(maps, (7, 7))
    assert small.max() > 1.05
    assert max(each.high for each in compact(maps, (7, 7))) == pytest.approx(small.max().item(), abs=1e-5)


def test_a_map_that_was_not_enlarged_from_its_grid_keeps_its_pixels():
    maps = normalise(torch.rand(2, 30, 40, generator=torch.Generator().manual_seed(0)))
    stored = compact(maps, (7, 7))
    assert (stored[0].width, stored[0].height) == (40, 30)
    again = torch.stack([restore(each, (30, 40)) for each in stored])
    assert (again - maps).abs().max() <= 0.51 / 255


def test_a_map_of_pixels_is_averaged_to_80():
    maps = torch.zeros(1, 160, 320)
    maps[0, :4, :4] = 1.0
    maps[0, 8:10, :4] = 1.0
    (stored,) = compact(maps, None)
    assert (stored.width, stored.height, stored.low, stored.high) == (80, 40, 0, 1)
    assert stored.values[0] == 255
    assert stored.values[2 * 80] == 128  # half of the cell
    assert sum(stored.values) == 255 + 128


def test_a_blank_map_stays_blank():
    (stored,) = compact(torch.zeros(1, 28, 28), (7, 7))
    assert stored == StoredMap(7, 7, 0.0, 1.0, bytes(49))
    assert restore(stored, (28, 28)).max() == 0


def test_compressed_only_where_that_is_smaller():
    noise = StoredMap(7, 7, 0.0, 1.0, torch.randint(0, 256, (49,)).to(torch.uint8).numpy().tobytes())
    flat = StoredMap(112, 112, 0.0, 1.0, bytes(112 * 112))
    assert noise.pack()[0]["encoding"] == "raw"
    assert len(noise.pack()[1]) == 49
    assert flat.pack()[0]["encoding"] == "zlib"
    assert len(flat.pack()[1]) < 60
    assert StoredMap.unpack(*flat.pack()) == flat


def test_no_more_is_unpacked_than_was_announced():
    bomb = zlib.compress(bytes(10_000_000))
    about = {"width": 2, "height": 2, "range": [0, 1], "encoding": "zlib", "bytes": len(bomb)}
    with pytest.raises(ValueError, match=r"2 × 2 places was expected, a byte each, got 5 bytes"):
        StoredMap.unpack(about, bomb)


def test_a_probe_is_the_same_after_it_was_bytes():
    predicted, true = compact(enlarged((3, 6), (24, 24), 2), (3, 6))
    record = {"id": 12, "top": [[1, 0.5]], "name": "</script>\n\ud800\x00", "drift": None}
    for blob in (ProbeBlob(record, predicted, true), ProbeBlob(record, predicted, None)):
        content = blob.to_bytes()
        assert ProbeBlob.from_bytes(content) == blob
        assert json.loads(content.partition(b"\n")[0])["record"] == record


def test_what_is_not_a_number_is_not_written():
    with pytest.raises(ValueError, match="JSON"):
        to_json({"confidence": float("nan")})


def test_another_format_says_so():
    with pytest.raises(ValueError, match=r"format 99 of the camaug tab, and this version of camaug reads 1"):
        from_json(b'{"format": 99}')


def test_tags():
    assert BlobTag.parse("camaug/cam/my/method/7") == ("cam", "my/method", "7")
    assert BlobTag.parse("camaug/cam/original/7").method == "original"
    assert [BlobTag.parse(tag) for tag in ("cam/left/7", "camaug/cam/7", "camaug", "")] == [None] * 4
