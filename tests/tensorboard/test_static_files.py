"""Only the files of the front end are served, with their content types."""

from __future__ import annotations

import pytest

from camaug.tensorboard.static_files import content_type, static_file, static_names


def test_every_listed_file_can_be_read():
    names = static_names()
    assert names == sorted(names)
    assert "index.js" in names
    assert all(static_file(name) for name in names)


@pytest.mark.parametrize("name", ["nothing.js", "../plugin.py", "", "/etc/passwd"])
def test_other_paths_are_not_found(name):
    with pytest.raises(FileNotFoundError, match="the front end has no file"):
        static_file(name)


def test_content_types():
    assert content_type("a.js") == "text/javascript"
    assert content_type("a.css") == "text/css"
    assert content_type("a.unknown") == "application/octet-stream"
