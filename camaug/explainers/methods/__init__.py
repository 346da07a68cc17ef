"""Explanation methods, one a file: every module in this folder is imported and registers its class."""

import importlib
import pkgutil

__all__ = ["import_methods"]


def import_methods() -> None:
    """Import every module of this folder, so that each registers its method."""
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
