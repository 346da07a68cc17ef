"""Names of the files that explain a photo."""

from __future__ import annotations

from camaug.callbacks._logging.photo_names import PhotoNames, output_names


def test_names_that_differ_only_in_case_keep_their_suffix():
    assert output_names(["x.jpg", "X.png"]) == {"x.jpg": "x.jpg", "X.png": "X.png"}


def test_photos_are_named_relative_to_the_root_or_the_anchor(tmp_path):
    inside, outside = tmp_path / "photos/trip/a.jpg", tmp_path / "b.jpg"
    names = PhotoNames(tmp_path / "photos", [str(inside)])
    assert names.relative(str(inside)) == "trip/a.jpg"
    assert names.relative(str(outside)) == outside.relative_to("/").as_posix()
    assert names.output(str(inside)) == "trip/a"
    assert names.output(str(outside)) == outside.relative_to("/").as_posix()


def test_a_changed_photo_has_another_record(tmp_path):
    photo = tmp_path / "a.jpg"
    photo.write_bytes(b"12")
    names = PhotoNames(tmp_path)
    before = names.record(str(photo))
    assert (before["path"], before["bytes"]) == ("a.jpg", 2)
    photo.write_bytes(b"123")
    assert names.record(str(photo)) != before
