"""Text from outside, such as names of files and classes, made safe for a terminal or a page."""

from __future__ import annotations

__all__ = ["printable", "printable_lines"]


def printable(text: str) -> str:
    r"""Return a text with line breaks and control characters escaped, so that a terminal does not execute them.

    Example:
        >>> printable("a\x1b[31mred\nname")
        'a\\x1b[31mred\\nname'
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def printable_lines(text: str) -> str:
    """Escape each line of a text of several lines."""
    return "\n".join(printable(line) for line in text.split("\n"))
