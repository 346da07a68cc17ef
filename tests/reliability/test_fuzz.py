"""Damaged and hostile bytes: each is read, or refused by a ValueError that says so, in bounded memory."""

from __future__ import annotations

import contextlib
import io
import json
import ntpath
import warnings
import zlib
from collections.abc import Mapping
from pathlib import Path, PureWindowsPath
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer

from camaug.datamodules._boxes.coco import read_coco
from camaug.datamodules._boxes.voc import parse_voc
from camaug.film.choose_probes import most_changed_probes
from camaug.film.draw_frame import draw_frame
from camaug.film.film import Film
from camaug.film.film_style import FilmStyle
from camaug.images.loading import load_image
from camaug.images.theme import DARK
from camaug.saliency_bank.record import BankRecord
from camaug.tensorboard.blobs import FORMAT
from camaug.tensorboard.data_source import DataSource, Series
from camaug.tensorboard.probe_blob import MOST_VALUES, ClassMap, ProbeBlob
from camaug.tensorboard.stored_map import LARGEST, StoredMap
from camaug.utils.portable_names import LARGEST as LARGEST_NAME
from camaug.utils.portable_names import portable_names, same_file_key
from camaug.utils.read_yaml import read_yaml
from tests.tensorboard.conftest import TabClient, make_snapshot, write_run

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


def test_the_maps_of_a_blob_are_together_within_a_limit(monkeypatch):
    maps = tuple(ClassMap(number, StoredMap(4, 3, 0.0, 1.0, bytes(12))) for number in range(5))
    content = ProbeBlob({"id": 1}, maps).to_bytes()
    assert len(ProbeBlob.from_bytes(content).maps) == 5
    assert MOST_VALUES >= LARGEST
    monkeypatch.setattr("camaug.tensorboard.probe_blob.MOST_VALUES", 59)
    with pytest.raises(ValueError, match="at most 59 values together"):
        ProbeBlob.from_bytes(content)


# Requests

SERIES_FIELDS = {"run": "a", "prefix": "cam", "method": "group-cam"}
ARGUMENTS = ["10", "-1", "9" * 5000, "\uff11", "../..", "\0", "a" * 3000, "<script>"]
PATHS = ["../plugin.py", "..%2fplugin.py", "index.js%00", "//etc/passwd", "C:\\a"]


@pytest.fixture(scope="module")
def tab(tmp_path_factory) -> TabClient:
    folder = tmp_path_factory.mktemp("requested")
    write_run(folder / "a", [make_snapshot(0)])
    multiplexer = EventMultiplexer(tensor_size_guidance={"camaug": 0})
    multiplexer.AddRunsFromDirectory(str(folder)).Reload()
    return TabClient(multiplexer, str(folder))


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(["runs", "snapshots", "maps", "original"]),
    st.dictionaries(
        st.sampled_from([*SERIES_FIELDS, "probe", "first", "last", "since", "other"]),
        st.text(max_size=8) | st.sampled_from(ARGUMENTS),
    ),
    st.booleans(),
)
def test_any_request_of_the_tab_is_answered_with_json_or_refused(tab, route, arguments, is_of_series):
    response = tab.get(route, **((arguments | SERIES_FIELDS) if is_of_series else arguments))
    assert response.status_code in (200, 400, 404), response.text
    if response.headers["Content-Type"] != "image/jpeg":
        assert isinstance(json.loads(response.data), dict)
        assert response.headers["X-Content-Type-Options"] == "nosniff"


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=12) | st.sampled_from(PATHS))
def test_any_other_file_is_not_found(tab, name):
    assert tab.get(f"static/{quote(name)}").status_code == 404


# Films

PROBES = {"ids": [1], "labels": [[0]], "predicted": [1], "correct": [False], "confidence": [0.5], "drift": [None]}
SCORES = {"true_confidences": [[0.1]], "object_energy": [None], "warning": [None], "top_classes": [[]]}
RECORD = SNAPSHOT | PROBES | SCORES


class Run(Blobs):
    """A reader of a run, whose records are one blob, and whose heatmaps and image are others."""

    def __init__(self, record: bytes, image: bytes) -> None:
        super().__init__(record)
        self.image = image

    def blobs(self, run: str, tags: list[str], steps: range | None = None) -> dict[str, dict[int, bytes]]:
        maps = tuple(ClassMap(number, StoredMap(4, 3, 0.0, 1.0, bytes(12))) for number in (1, 0))
        contents = {"1": ProbeBlob({"id": 1}, maps).to_bytes(), "records": self.blob}
        names = {tag: tag.rpartition("/")[2] for tag in tags}
        return {tag: {0: contents[name]} for tag, name in names.items() if name in contents}

    def last_blob(self, run: str, tag: str) -> bytes:
        return self.image


def film(fields: Mapping[str, Any], image: bytes) -> Film:
    """Read a film of a record with some other fields as the command does."""
    source = DataSource(Run(json.dumps(RECORD | fields).encode(), image))
    record = source.snapshots(SERIES)
    return Film.read(source, SERIES, record, most_changed_probes(record, 1))


FIELDS = sorted({*RECORD} - {"format"})
IN_LISTS = VALUES | VALUES.map(lambda value: [value]) | VALUES.map(lambda value: [[value]])


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.sampled_from(FIELDS), IN_LISTS, min_size=1, max_size=2))
def test_any_record_of_a_film_is_drawn_or_refused(fields):
    try:
        read_film = film(fields, photo("JPEG"))
    except ValueError:
        return
    assert draw_frame(read_film, 0, FilmStyle(64, "viridis", DARK)).ndim == 3


def test_the_record_that_is_changed_is_a_film():
    assert film({}, photo("JPEG")).histories[0].snapshots[0].true_name == "class 0"


@pytest.mark.parametrize(
    ("kind", "limit", "message"), [("JPEG", 100, "exceeds limit"), ("PNG", 10_000, "cannot identify image file")]
)
def test_the_image_of_a_film_is_a_jpeg_within_the_limit_of_pixels(kind, limit, message, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
    with pytest.raises(ValueError, match=f"image 1 of the run cannot be read .*{message}"):
        film({}, photo(kind))


# Annotations, configurations and names

ENCODINGS = ["utf-8", "base64", "rot13", "none", "utf-7", "cp037"]


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=30), st.sampled_from(ENCODINGS), st.binary(max_size=30))
def test_any_annotation_is_read_or_refused(text, encoding, content):
    head = f'<?xml version="1.0" encoding="{encoding}"?>'.encode()
    body = f"<annotation><size>{text}</size>".encode() + content
    for each in (content, head + body, head + body + b"</annotation>"):
        with contextlib.suppress(ValueError):
            parse_voc(each, "x.xml")


TAGS = ["int", "float", "bool", "timestamp", "binary", "set", "omap", "python/name:os.system"]
TAGGED = st.tuples(st.sampled_from(TAGS), st.text(max_size=20)).map(lambda pair: f"!!{pair[0]} {pair[1]}".encode())


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=40) | TAGGED)
def test_any_configuration_is_read_or_refused_with_its_name(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "fuzzed.yaml"
    for each in (content, b"a: " + content):
        path.write_bytes(each)
        try:
            assert isinstance(read_yaml(path), dict)
        except ValueError as error:
            assert "fuzzed.yaml" in str(error)  # noqa: PT017 - most are read


NAMES = st.lists(
    st.text(max_size=12)
    | st.sampled_from(["CON", "nul.txt", "COM\u00b2", "..", "", " ", "a.", "A", "a", "\u00e9", "e\u0301", "x" * 300]),
    unique=True,
    max_size=6,
)


@settings(max_examples=300, deadline=None)
@given(NAMES)
def test_any_names_are_different_valid_files_of_every_system(names):
    portable = portable_names(names)
    assert list(portable) == names
    assert len({same_file_key(name) for name in portable.values()}) == len(names)
    for name in portable.values():
        assert 0 < len(name.encode(errors="surrogatepass")) <= LARGEST_NAME
        assert not set(name) & {*'<>:"/\\|?*', *map(chr, range(32))}
        assert name[-1] not in ". "
        assert not is_reserved(name)


def is_reserved(name: str) -> bool:
    """Return True for a name that Windows takes for a device, as Python's standard library knows them."""
    return ntpath.isreserved(name) if hasattr(ntpath, "isreserved") else PureWindowsPath(name).is_reserved()


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
    return {name: photo(name) for name in ("PNG", "JPEG", "TIFF", "WEBP", "GIF", "BMP")}


def photo(file_format: str) -> bytes:
    file = io.BytesIO()
    Image.effect_noise((20, 16), 60).convert("RGB").save(file, file_format)
    return file.getvalue()


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
