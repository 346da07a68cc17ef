from __future__ import annotations

import os
from pathlib import Path

import pytest

from camaug.utils.atomic_write import opened_atomically, write_atomically


def test_bytes_and_text(tmp_path):
    write_atomically(tmp_path / "a.bin", b"\x00\x01")
    write_atomically(tmp_path / "a.txt", "é")
    assert (tmp_path / "a.bin").read_bytes() == b"\x00\x01"
    assert (tmp_path / "a.txt").read_text(encoding="utf-8") == "é"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.bin", "a.txt"]


def test_a_failure_keeps_the_older_file_and_leaves_nothing(tmp_path, monkeypatch):
    path = tmp_path / "a.txt"
    write_atomically(path, "old")

    def full(file: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_atomically(path, "new")
    assert path.read_text() == "old"
    assert [each.name for each in tmp_path.iterdir()] == ["a.txt"]


def test_the_content_is_on_the_disk_before_the_name_is_taken(tmp_path, monkeypatch):
    events = []
    monkeypatch.setattr(os, "fsync", lambda file: events.append("flush"))
    replace = Path.replace
    monkeypatch.setattr(Path, "replace", lambda path, target: (events.append("rename"), replace(path, target)))
    write_atomically(tmp_path / "a.txt", "new")
    assert events == ["flush", "rename"]


@pytest.mark.parametrize("failure", [OSError(28, "No space left on device"), KeyboardInterrupt(), ValueError()])
def test_any_failure_of_what_writes_keeps_the_older_file_and_leaves_nothing(failure, tmp_path):
    def write_half() -> None:
        with opened_atomically(path) as file:
            file.write(b"half")
            raise failure

    path = tmp_path / "a.txt"
    write_atomically(path, "old")
    with pytest.raises(type(failure)):
        write_half()
    assert path.read_text() == "old"
    assert [each.name for each in tmp_path.iterdir()] == ["a.txt"]


@pytest.mark.parametrize("name", ["n" * 255, "猫" * 85, "é" * 127])
def test_the_longest_name_that_the_file_system_takes(name, tmp_path):
    write_atomically(tmp_path / name, "whole")
    assert [each.name for each in tmp_path.iterdir()] == [name]


def test_a_path_that_is_too_long_for_windows_is_named_with_the_reason(tmp_path, monkeypatch):
    # Windows says only that there is no such file.
    monkeypatch.setattr("camaug.utils.atomic_write._LONGEST_PATH", len(str(tmp_path)) + 20)
    replace = Path.replace

    def refuse_long(path: Path, target: Path) -> Path:
        if len(str(target)) > len(str(tmp_path)) + 20:
            raise FileNotFoundError(2, "No such file or directory", str(path), None, str(target))
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", refuse_long)
    write_atomically(tmp_path / "short.txt", "whole")
    with pytest.raises(FileNotFoundError, match=r"directory: Windows takes no path of more than 259 .*long paths.*xx'"):
        write_atomically(tmp_path / ("x" * 30), "whole")
    with pytest.raises(FileNotFoundError, match="No such file or directory: '"):
        write_atomically(tmp_path / "absent/a.txt", "whole")
    assert [path.name for path in tmp_path.iterdir()] == ["short.txt"]
