from __future__ import annotations

import re

import pytest

from camaug.utils.check_folder import check_folder


def test_a_folder_is_created_and_stays_empty(tmp_path):
    for _ in range(2):
        check_folder(tmp_path / "a" / "b", "the results")
    assert list((tmp_path / "a" / "b").iterdir()) == []


def test_a_file_is_refused(tmp_path):
    (tmp_path / "a").write_bytes(b"")
    with pytest.raises(ValueError, match=r"the results are written to a folder, and .*a is a file: give a folder"):
        check_folder(tmp_path / "a", "the results")


def test_a_folder_below_a_file_is_refused_by_its_whole_path(tmp_path, monkeypatch):
    (tmp_path / "a").write_bytes(b"")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NotADirectoryError, match=re.escape(str(tmp_path / "a" / "b"))):
        check_folder(tmp_path.__class__("a/b"), "the results")
