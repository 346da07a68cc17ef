"""The files of the front end, which are all in one folder."""

from __future__ import annotations

from pathlib import Path

__all__ = ["content_type", "static_file", "static_names"]

FOLDER = Path(__file__).parent / "static"
CONTENT_TYPES = {".js": "text/javascript", ".html": "text/html", ".css": "text/css", ".svg": "image/svg+xml"}


def static_names() -> list[str]:
    """The names of the files, in order; nothing else is ever served."""
    return sorted(path.name for path in FOLDER.iterdir() if path.suffix in CONTENT_TYPES)


def static_file(name: str) -> bytes:
    """The content of one of the files.

    Raises:
        FileNotFoundError: If it is none of them, wherever else it may be.
    """
    if name not in static_names():
        raise FileNotFoundError(f"the front end has no file {name!r}")
    return (FOLDER / name).read_bytes()


def content_type(name: str) -> str:
    """The MIME type of a file by its name; that of nothing in particular where the name says nothing.

    Example:
        >>> content_type("index.js")
        'text/javascript'
    """
    return CONTENT_TYPES.get(Path(name).suffix, "application/octet-stream")
