"""Text files end in one line break and have neither spaces at the end of a line nor marks of a merge.

``python tests/test_text_files.py FILE...`` prints every offence and fails if there is one.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = (".ci", ".github", "benchmarks", "callbacks", "camaug", "configs", "datamodules", "docs", "examples", "tests")
SUFFIXES = {".cff", ".in", ".ipynb", ".js", ".md", ".py", ".pyi", ".sh", ".toml", ".yaml", ".yml"}
RULES = {
    "line breaks are \\n": re.compile(rb"\r"),
    "no space at the end of a line": re.compile(rb"[ \t](?=\n)"),
    "no mark of a merge": re.compile(rb"^(?:<{7}|>{7})(?: |$)", re.MULTILINE),
    "one line break at the end": re.compile(rb"[^\n]\Z|\n\n\Z"),
}


def text_files() -> list[Path]:
    """Return the repository's text files, without generated folders."""
    paths = [path for path in ROOT.iterdir() if path.suffix in SUFFIXES or path.name in ("Makefile", "LICENSE")]
    paths += [path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.suffix in SUFFIXES]
    return sorted(path for path in paths if path.is_file())


def offences(path: Path) -> Iterator[str]:
    """Yield each offence of a file: its path, the number of the line and the broken rule."""
    content = path.read_bytes()
    for rule, pattern in RULES.items():
        for match in pattern.finditer(content):
            number = content.count(b"\n", 0, match.start()) + 1
            yield f"{path}:{number}: {rule}"


def test_text_files_keep_the_rules():
    paths = text_files()
    assert len(paths) > 500
    found = [offence for path in paths for offence in offences(path)]
    assert not found, "\n".join(["", *found])


@pytest.mark.parametrize("content", [b"a \n", b"a\r\n", b"a", b"a\n\n", b"<<<<<<< here\na\n", b"a\n>>>>>>> there\n"])
def test_offences_are_found(content, tmp_path):
    (tmp_path / "a.md").write_bytes(content)
    assert list(offences(tmp_path / "a.md"))
    (tmp_path / "a.md").write_bytes(b"a\n\nb = 1 << 7\n")
    assert not list(offences(tmp_path / "a.md"))


if __name__ == "__main__":
    found = [offence for path in map(Path, sys.argv[1:]) for offence in offences(path)]
    print(*found, sep="\n", end="\n" if found else "")
    sys.exit(bool(found))
