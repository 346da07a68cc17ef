"""Name that the program was started by."""

from __future__ import annotations

import sys
from pathlib import PurePath

__all__ = ["program_name"]

_NAMES = {"__main__.py": "python -m camaug", "train.py": "python train.py"}


def program_name() -> str:
    """Return the words that start this program: ``camaug``, ``python -m camaug`` or ``python train.py``."""
    return _NAMES.get(PurePath(sys.argv[0]).name, "camaug")
