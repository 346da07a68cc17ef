"""Names of the files that explain a photo."""

from __future__ import annotations

import ntpath
import os
from pathlib import PureWindowsPath

import pytest

from camaug.single_image.photo_names import PhotoNames, output_names
from camaug.utils.portable_names import same_file_key


def test_names_that_differ_only_in_case_keep_their_suffix():
    assert output_names(["x.jpg", "X.png"]) == {"x.jpg": "x.jpg", "X.png": "X.png"}


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (["cat.jpg", "cat.png", "cat.jpg.png"], ["cat.jpg", "cat.png", "cat.jpg.png"]),
        (["a.b.jpg", "a.png"], ["a.b", "a"]),
        (["con/aux.jpg", "b:c/what?.jpg", "end./x .jpg"], ["con_/aux_", "b_c/what_", "end_/x_"]),
        (["x", ".x.jpg"], ["x", ".x"]),
    ],
)
def test_every_photo_has_a_name_of_its_own(paths, names):
    assert list(output_names(paths).values()) == names


@pytest.mark.parametrize(
    "paths",
    [
        ["x.jpg", "X.jpg", "x.JPG"],
        ["Cat/1.jpg", "cat/1.jpg"],
        ["\u00e9.jpg", "e\u0301.jpg"],
        ["a?.jpg", "a*.jpg", "a_.jpg"],
        [f"{'n' * 250}{end}.jpg" for end in "ab"],
        ["x.jpg", "x.png", "x.jpg.png", "x.jpg.jpg", "X.jpg.png"],
    ],
)
def test_names_differ_on_a_file_system_that_ignores_case_and_normalisation(paths):
    names = output_names(paths)
    assert list(names) == paths
    assert len({same_file_key(name) for name in names.values()}) == len(paths)
    assert names == output_names(paths)
    assert all(len(os.fsencode(f"{name}_overlay.png")) <= 255 for name in names.values())


def test_the_results_of_several_classes_differ_too():
    names, suffixes = output_names(["a.jpg", "a_x.jpg"], ["_x_y", "_y"]), ["_x_y", "_y"]
    assert len({name + suffix for name in names.values() for suffix in suffixes}) == 4


def test_the_same_name_in_another_folder_keeps_its_own():
    assert output_names(["train/Dog/1.jpg", "val/dog/1.jpg"]) == {
        "train/Dog/1.jpg": "train/Dog/1",
        "val/dog/1.jpg": "val/dog/1",
    }


def test_photos_are_named_relative_to_the_root_or_the_anchor(tmp_path):
    inside, outside = tmp_path / "photos/trip/a.jpg", tmp_path / "b.jpg"
    names = PhotoNames(tmp_path / "photos", [str(inside)])
    assert names.relative(str(inside)) == "trip/a.jpg"
    whole = outside.relative_to(outside.anchor).as_posix()
    assert names.relative(str(outside)) == "/".join(filter(None, (outside.drive.rstrip(":"), whole)))
    assert names.output(str(inside)) == "trip/a"
    assert names.output(str(outside)) == names.relative(str(outside))


def test_photos_on_several_drives_of_windows_have_different_names(monkeypatch):
    monkeypatch.setattr("camaug.single_image.photo_names.PurePath", PureWindowsPath)
    monkeypatch.setattr(os.path, "abspath", ntpath.normpath)
    photos = ["C:\\a\\b.jpg", "D:\\a\\b.jpg", "\\\\host\\share\\a\\b.jpg"]
    names = PhotoNames(None, photos)
    assert [names.relative(photo) for photo in photos] == ["C/a/b.jpg", "D/a/b.jpg", "host_share/a/b.jpg"]
    assert [names.output(photo) for photo in photos] == ["C/a/b", "D/a/b", "host_share/a/b"]


def test_a_changed_photo_has_another_record(tmp_path):
    photo = tmp_path / "a.jpg"
    photo.write_bytes(b"12")
    names = PhotoNames(tmp_path)
    before = names.record(str(photo))
    assert (before["path"], before["bytes"]) == ("a.jpg", 2)
    photo.write_bytes(b"123")
    assert names.record(str(photo)) != before
