"""Last lines that the program prints when an error ends it."""

from __future__ import annotations

from pathlib import Path

import pytest

from camaug._cli.failure_text import failure_text
from camaug._cli.traceback_log import log_traceback
from camaug.utils.read_yaml import read_yaml


@pytest.fixture
def refused(tmp_path, monkeypatch):
    """Return an error that the package raised on purpose."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "list.yaml").write_text("- a")
    with pytest.raises(ValueError, match="a list") as caught:
        read_yaml("list.yaml")
    return caught.value


def test_a_refusal_is_a_sentence_and_a_hint(refused):
    lines = failure_text(refused, shows_traceback=False).splitlines()
    assert lines[0] == f"error: {refused}"
    assert lines[1:] == ["(--traceback shows where it comes from)"]


def test_the_traceback_comes_before_the_sentence(refused):
    text = failure_text(refused, shows_traceback=True)
    assert text.startswith("Traceback (most recent call last):")
    assert text.splitlines()[-1] == f"error: {refused}"


def test_the_path_of_the_log_is_named(refused, tmp_path):
    log_traceback(refused, [tmp_path])
    log_traceback(refused, [])
    assert f"(the traceback is in {tmp_path / 'traceback.txt'}; --tr" in failure_text(refused, shows_traceback=False)
    assert "in read_yaml" in (tmp_path / "traceback.txt").read_text()
    log_traceback(refused, [tmp_path], rank=1)
    assert (tmp_path / "traceback_1.txt").is_file()


def test_a_log_that_cannot_be_written_is_not_named(refused, tmp_path):
    log_traceback(refused, [tmp_path / "absent"])
    assert "the traceback is in" not in failure_text(refused, shows_traceback=False)


def test_relative_paths_name_their_folder():
    error = FileNotFoundError(2, "No such file", "/a/b")
    assert f"\n(relative paths start in {Path.cwd()}; " in failure_text(error, shows_traceback=False)


def test_a_fault_of_the_program_shows_its_traceback_and_asks_for_a_report():
    try:
        exec("{}['x']", {"__name__": "camaug.images"})
    except KeyError as error:
        lines = failure_text(error, shows_traceback=False).splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert lines[-1].startswith("error: KeyError is unexpected here, so this is probably a fault of camaug")
    assert "Please report it" in lines[-1]
