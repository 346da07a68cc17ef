"""Text of unknown origin, such as the names of files and classes, on its way to a terminal or a page."""

from __future__ import annotations

__all__ = ["printable", "printable_lines"]


def printable(text: str) -> str:
    r"""The text on one line, with what is no visible character spelt out, so that a terminal obeys none of it.

    Example:
        >>> printable("a\x1b[31mred\nname")
        'a\\x1b[31mred\\nname'
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def printable_lines(text: str) -> str:
    """The same for a message of several lines."""
    return "\n".join(printable(line) for line in text.split("\n"))
