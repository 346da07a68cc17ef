"""Static files of the front end, all in one folder."""

from __future__ import annotations

from pathlib import Path

__all__ = ["content_type", "static_file", "static_names"]

FOLDER = Path(__file__).parent / "static"
CONTENT_TYPES = {".js": "text/javascript", ".html": "text/html", ".css": "text/css", ".svg": "image/svg+xml"}


def static_names() -> list[str]:
    """Return the sorted names of the files that may be served."""
    return sorted(path.name for path in FOLDER.iterdir() if path.suffix in CONTENT_TYPES)


def static_file(name: str) -> bytes:
    """Read a file of the front end.

    Raises:
        FileNotFoundError: If the name is not in :func:`static_names`, even if a file of this path exists.
    """
    if name not in static_names():
        raise FileNotFoundError(f"the front end has no file {name!r}")
    return (FOLDER / name).read_bytes()


def content_type(name: str) -> str:
    """Return the MIME type of a file name, ``application/octet-stream`` if its suffix is unknown.

    Example:
        >>> content_type("index.js")
        'text/javascript'
    """
    return CONTENT_TYPES.get(Path(name).suffix, "application/octet-stream")
