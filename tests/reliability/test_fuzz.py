"""Damaged and hostile bytes: each is read, or refused by a ValueError that says so, in bounded memory."""

from __future__ import annotations

import contextlib
import io
import json
import warnings
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from camaug.datamodules._boxes.coco import read_coco
from camaug.images.loading import load_image
from camaug.saliency_bank.record import BankRecord
from camaug.tensorboard.blobs import FORMAT
from camaug.tensorboard.data_source import DataSource, Series
from camaug.tensorboard.probe_blob import ClassMap, ProbeBlob
from camaug.tensorboard.stored_map import LARGEST, StoredMap

SERIES = Series("run", "cam", "grad-cam")
TAG = "camaug/cam/grad-cam/"
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
DEEP = b"[" * 100_000
WHOLE = ProbeBlob({"id": 1}, (ClassMap(0, StoredMap(4, 3, 0.0, 1.0, bytes(12))),)).to_bytes()
SNAPSHOT = {"format": FORMAT, "epoch": 0, "settings": {}, "layer": "conv", "ids": [1], "labels": [[0]], "metrics": {}}


class Blobs:
    """A reader of one blob, which every tag holds at step 0."""

    def __init__(self, blob: bytes) -> None:
        self.blob = blob

    def wall_times(self, tags: Mapping[str, Any]) -> dict[str, Any]:
        return {run: {tag: {0: 0.0} for tag in names} for run, names in tags.items()}

    def blobs(self, run: str, tags: list[str], steps: range | None = None) -> dict[str, dict[int, bytes]]:
        return {tag: {0: self.blob} for tag in tags}


def read(blob: bytes) -> None:
    """Read a blob as each of the tab's kinds, and send what was read, which must be JSON."""
    source = DataSource(Blobs(blob))
    shown = source.maps(SERIES, ["1"])
    assert shown["maps"].keys() | shown["errors"].keys() == {"1"}
    json.dumps(shown, allow_nan=False)
    with contextlib.suppress(ValueError):  # which the server makes a response of, as of numbers that are no JSON
        json.dumps(source.snapshots(SERIES), allow_nan=False)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=60) | st.integers(0, len(WHOLE)).map(lambda end: WHOLE[:end]))
def test_any_bytes_of_a_blob_are_read_or_refused(content):
    read(content)
    read(b'{"format":%d,' % FORMAT + content)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.sampled_from([*SNAPSHOT, "maps", "record", "classes", "predicted"]), VALUES, max_size=4))
def test_any_json_in_a_blob_is_read_or_refused(fields):
    read(json.dumps(SNAPSHOT | fields | {"format": FORMAT}).encode() + b"\n" + bytes(12))


HEADER = {"class": 0, "width": 4, "height": 3, "range": [0.0, 1.0], "encoding": "raw", "bytes": 12}


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.sampled_from(list(HEADER)), VALUES, min_size=1, max_size=3))
def test_any_header_of_a_map_is_read_or_refused(fields):
    read(json.dumps({"format": FORMAT, "maps": [HEADER | fields], "record": {}}).encode() + b"\n" + bytes(12))


def test_json_that_is_nested_too_deeply_is_refused(tmp_path):
    read(DEEP)
    read(b'{"format":%d,"maps":' % FORMAT + DEEP)
    assert BankRecord.from_json(DEEP.decode()) is None
    (tmp_path / "deep.json").write_bytes(DEEP)
    with pytest.raises(ValueError, match=r"deep\.json is not JSON"):
        read_coco(tmp_path, tmp_path / "deep.json")


@pytest.mark.parametrize(("width", "height"), [(10**6, 10**6), (LARGEST + 1, 1), (-1, -1), (0, 5), (float("inf"), 1)])
def test_a_compressed_map_is_never_larger_than_the_limit(width, height):
    header = HEADER | {"width": width, "height": height, "encoding": "zlib"}
    with pytest.raises((ValueError, OverflowError), match=r"at most 16777216 values|infinity"):
        StoredMap.unpack(header, zlib.compress(bytes(10**7)))
    read(json.dumps({"format": FORMAT, "maps": [header], "record": {}}).encode() + b"\n" + bytes(12))


def test_a_compressed_map_is_decompressed_to_its_own_size_only():
    header = HEADER | {"encoding": "zlib"}
    with pytest.raises(ValueError, match="4 × 3 bytes, got 13 bytes"):
        StoredMap.unpack(header, zlib.compress(bytes(10**8)))


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.sampled_from(["count", "grid", "classes", "world_size", "model", "settings"]), VALUES))
def test_any_record_of_a_bank_is_possible_or_refused(fields):
    record = BankRecord(3, (7, 7), 10, 1, "a1", {})
    parsed = BankRecord.from_json(json.dumps(json.loads(record.to_json()) | fields))
    assert parsed is None or min(parsed.count, parsed.classes, parsed.world_size, *parsed.grid) >= 1


@pytest.mark.parametrize("fields", [{"world_size": 10**12}, {"count": -1}, {"grid": [0, 7]}, {"count": float("inf")}])
def test_impossible_records_of_a_bank_are_refused(fields):
    record = json.loads(BankRecord(3, (7, 7), 10, 1, "a1", {}).to_json())
    assert BankRecord.from_json(json.dumps(record)) is not None
    assert BankRecord.from_json(json.dumps(record | fields)) is None


# Images


@pytest.mark.parametrize(("channels", "limit"), [(3, 300), (3, 600), (40, 600), (40, 6000)])
def test_tiffs_that_pillow_does_not_read_have_its_limit(channels, limit, tmp_path, monkeypatch):
    # Of 1000 pixels, twice the limit are read, and four times as many values.
    tifffile = pytest.importorskip("tifffile")
    tifffile.imwrite(
        tmp_path / "x.tif", np.zeros((25, 40, channels), np.float32), photometric="minisblack", planarconfig="contig"
    )
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
    if limit > 300 and channels * 1000 <= 8 * limit:
        assert load_image(tmp_path / "x.tif").size == (40, 25)
        return
    monkeypatch.setattr(tifffile.TiffPage, "asarray", lambda page: pytest.fail("decoded"))
    with pytest.raises(OSError, match=rf"x\.tif'.*it is 40 × 25 pixels .* limit of {2 * limit} pixels"):
        load_image(tmp_path / "x.tif")


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    """Return a whole file of each format."""
    contents = {}
    for name in ("PNG", "JPEG", "TIFF", "WEBP", "GIF", "BMP"):
        file = io.BytesIO()
        Image.effect_noise((20, 16), 60).convert("RGB").save(file, name)
        contents[name] = file.getvalue()
    return contents


@settings(max_examples=120, deadline=None)
@given(st.data())
def test_damaged_images_are_read_or_refused_with_their_name(files, tmp_path_factory, data):
    name = data.draw(st.sampled_from(sorted(files)))
    content = bytearray(files[name])
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, min(len(content) - 1, 200)))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / f"damaged.{name.lower()}"
    path.write_bytes(bytes(content[: data.draw(st.integers(1, len(content)))]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's of damaged metadata
        assert image_or_error(path) == "RGB"


def image_or_error(path: Path) -> str:
    """Return the mode of an image, or "RGB" for an error that names the file."""
    try:
        return load_image(path).mode
    except OSError as error:
        return "RGB" if path.name in str(error) else f"an error without the name: {error}"
