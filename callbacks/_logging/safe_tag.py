"""Tags made of names that come from data."""

from __future__ import annotations

import re

__all__ = ["safe_tag"]


def safe_tag(text: str) -> str:
    """Replace characters with a meaning in tags, paths or terminals by ``_``.

    Example:
        >>> safe_tag("../a<b>")
        '.._a_b_'
    """
    return re.sub(r"[^\w\-. #]+", "_", text)
