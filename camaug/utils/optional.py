"""Optional packages."""

from __future__ import annotations

import importlib
from typing import Any

__all__ = ["import_extra"]


def import_extra(module: str, *, package: str, extra: str, reason: str) -> Any:
    """Import a module of an optional package.

    Args:
        module: The module's qualified name.
        package: The package's name on PyPI.
        extra: The extra of camaug that installs the package.
        reason: The begin of the error message: who needs the package.

    Raises:
        ImportError: If the package is not installed. The message says how to install it.

    Example:
        >>> import_extra("nowhere", package="nowhere", extra="pixels", reason="'xrai' needs")
        Traceback (most recent call last):
        ...
        ImportError: 'xrai' needs nowhere, which is not installed: pip install 'camaug[pixels]'
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ImportError(f"{reason} {package}, which is not installed: pip install 'camaug[{extra}]'") from error
