"""Numbers of things, in words for messages."""

from __future__ import annotations

__all__ = ["counted"]


def counted(count: int, noun: str, plural: str | None = None) -> str:
    """Return a number with its noun, in the plural unless there is one.

    Example:
        >>> counted(1, "image"), counted(0, "image"), counted(1200, "class", "classes")
        ('1 image', '0 images', '1,200 classes')
    """
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"
