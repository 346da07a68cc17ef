"""Standard output that writes every character."""

from __future__ import annotations

import io
import sys

__all__ = ["escape_missing_characters"]


def escape_missing_characters() -> None:
    """Let standard output write the characters that its encoding lacks as escapes, as standard error does.

    Where Windows redirects the output to a file, its encoding has only the characters of one language, and a line or a
    name with another one would end the program.
    """
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="backslashreplace")
