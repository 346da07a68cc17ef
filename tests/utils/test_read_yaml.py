"""Settings of a YAML file."""

from __future__ import annotations

import re

import pytest

from camaug.utils.read_yaml import read_yaml


def test_settings_are_read(tmp_path):
    (tmp_path / "a.yaml").write_text("model:\n  name: Käfer\n", encoding="utf-8")
    (tmp_path / "empty.yaml").write_text("# nothing\n")
    assert read_yaml(tmp_path / "a.yaml") == {"model": {"name": "Käfer"}}
    assert read_yaml(tmp_path / "empty.yaml") == {}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a: 1\n b: [1, 2\n", "is not valid YAML in line 2, column 3: mapping values are not allowed here"),
        (b"a:\n\tb: 1\n", r"is not valid YAML in line 2, column 1: found character '\\t' that cannot start any token"),
        (b"a: 1\nb: 2\na: 3\n", "is not valid YAML in line 3, column 1: 'a' is set twice, in line 1 too: remove one"),
        (b"model:\n  lr: 1\n  lr: 2\n", "in line 3, column 3: 'lr' is set twice, in line 2 too"),
        (b"a: \x00", "is not valid YAML: special characters are not allowed"),
        (b"- a\n- b\n", "must hold `name: value` pairs, got a list"),
        (b"hello", "must hold `name: value` pairs, got the text 'hello'"),
        (b"a: \xff", "is not text in UTF-8"),
        (b"a: " + b"[" * 10_000, "is not valid YAML: RecursionError"),
        (b"a: !!timestamp x", "is not valid YAML: AttributeError"),
        (b"a: !!bool x", "is not valid YAML: KeyError, 'x'"),
        (b"a: 2001-99-99", "is not valid YAML: ValueError, month must be in 1..12"),
    ],
)
def test_a_file_without_settings_is_refused_with_its_place(content, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.yaml").write_bytes(content)
    with pytest.raises(ValueError, match=f"{re.escape(str(tmp_path / 'bad.yaml'))}.*{message}") as caught:
        read_yaml("bad.yaml")
    assert "<unicode string>" not in str(caught.value)


def test_equal_names_in_different_places_and_merged_ones_are_fine(tmp_path):
    text = "base: &base {lr: 1}\nother: &other {lr: 2, name: a}\nrun:\n  <<: *base\n  <<: *other\n  lr: 3\n"
    (tmp_path / "a.yaml").write_text(text)
    assert read_yaml(tmp_path / "a.yaml")["run"]["lr"] == 3


def test_missing_files_and_folders_are_named_absolutely(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match=re.escape(str(tmp_path / "absent.yaml"))):
        read_yaml("absent.yaml")
    with pytest.raises(ValueError, match=f"{re.escape(str(tmp_path))} is a folder"):
        read_yaml(tmp_path)
