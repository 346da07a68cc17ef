"""A console whose output is kept in memory."""

from __future__ import annotations

import io

from rich.console import Console


def quiet_console(width: int = 100) -> Console:
    """Return a console that writes into memory: ``console.file.getvalue()``."""
    return Console(file=io.StringIO(), width=width)
