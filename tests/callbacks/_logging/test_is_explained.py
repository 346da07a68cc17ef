"""Check for results of an earlier run."""

from __future__ import annotations

import json

import pytest

from camaug.callbacks._logging.is_explained import is_explained
from camaug.single_image.photo_names import PhotoNames

SETTINGS = {"raw": "png"}


@pytest.fixture
def photo(tmp_path) -> str:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"photo")
    (tmp_path / "a_map.png").write_bytes(b"map")
    record = {"files": {"map": "a_map.png"}, "photo": PhotoNames(tmp_path).record(str(path)), "more": 1, **SETTINGS}
    (tmp_path / "a.json").write_text(json.dumps(record))
    return str(path)


def check(photo, folder, settings=SETTINGS) -> bool:
    return is_explained(photo, PhotoNames(folder, [photo]), folder, settings)


def test_the_same_photo_and_settings_are_explained(photo, tmp_path):
    assert check(photo, tmp_path)


@pytest.mark.parametrize("settings", [{"raw": "npy"}, {"raw": "png", "strength": 0.5}])
def test_other_settings_are_not(photo, tmp_path, settings):
    assert not check(photo, tmp_path, settings)


@pytest.mark.parametrize("content", ["", "[1]", "{}", '{"files": 3}'])
def test_a_damaged_record_is_none(photo, tmp_path, content):
    (tmp_path / "a.json").write_text(content)
    assert not check(photo, tmp_path)


@pytest.mark.parametrize("missing", ["a.json", "a_map.png", "a.jpg"])
def test_a_missing_file(photo, tmp_path, missing):
    (tmp_path / missing).unlink()
    assert not check(photo, tmp_path)
